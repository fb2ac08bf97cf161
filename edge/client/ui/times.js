/** "5 minutes ago", and "Yesterday" above the rows of a day, in the language of some words. */

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

const DAY_MILLISECONDS = 86_400_000;

/** @typedef {{relative: Intl.RelativeTimeFormat, exact: Intl.DateTimeFormat, say: (key: string) => string}} TimeWords */

/** Write how long ago a `time` was, and its exact time as its title. @param {HTMLTimeElement} time @param {TimeWords} words */
export function tell(time, words) {
  const then = Date.parse(time.dateTime);
  if (Number.isNaN(then)) return;
  const seconds = Math.max(0, (Date.now() - then) / 1000);
  const unit = UNITS.find(([, size]) => seconds >= size);
  const text = unit ? words.relative.format(-Math.floor(seconds / unit[1]), unit[0]) : words.say("justNow");
  if (time.textContent !== text) time.textContent = text;
  if (!time.title) time.title = words.exact.format(then);
}

/** The day of an instant on the reader's clock, as a number that grows by one each day. @param {number} instant milliseconds */
export function dayOf(instant) {
  const date = new Date(instant);
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY_MILLISECONDS;
}

/** "Today", "Yesterday", or a date. @param {number} instant milliseconds @param {{language: string, relative: Intl.RelativeTimeFormat}} words */
export function dayName(instant, { language, relative }) {
  const ago = dayOf(Date.now()) - dayOf(instant);
  if (ago < 0 || ago > 1) {
    const year = new Date(instant).getFullYear() === new Date().getFullYear() ? undefined : "numeric";
    return new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long", year }).format(instant);
  }
  const text = relative.format(-ago, "day");
  return text.charAt(0).toLocaleUpperCase(language) + text.slice(1);
}
