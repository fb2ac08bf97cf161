/** "5 minutes ago", kept right while the page is open: every `time[data-relative]`. */

const UNITS = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const words = new Intl.RelativeTimeFormat("en-GB", { numeric: "auto" });
const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short" });

/** @param {number} then milliseconds */
function ago(then) {
  const seconds = Math.max(0, (Date.now() - then) / 1000);
  for (const [unit, size] of UNITS) {
    if (seconds >= size) return words.format(-Math.floor(seconds / size), unit);
  }
  return "just now";
}

/** @param {HTMLTimeElement} time */
export function tell(time) {
  const then = Date.parse(time.dateTime);
  if (Number.isNaN(then)) return;
  const text = ago(then);
  if (time.textContent !== text) time.textContent = text;
  if (!time.dataset.exact) time.title = time.dataset.exact = exact.format(then);
}

export function tellAll() {
  for (const time of document.querySelectorAll("time[data-relative]")) tell(time);
}

export function keepTelling() {
  tellAll();
  setInterval(tellAll, 30_000);
  document.addEventListener("visibilitychange", () => document.hidden || tellAll());
}
