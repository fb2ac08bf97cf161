/** @typedef {{relative: Intl.RelativeTimeFormat, exact: Intl.DateTimeFormat, say: (key: string) => string}} TimeWords */
/** Write how long ago a `time` was, and its exact time as its title. @param {HTMLTimeElement} time @param {TimeWords} words */
export function tell(time: HTMLTimeElement, words: TimeWords): void;
/** The day of an instant on the reader's clock, as a number that grows by one each day. @param {number} instant milliseconds */
export function dayOf(instant: number): number;
/** "Today", "Yesterday", or a date. @param {number} instant milliseconds @param {{language: string, relative: Intl.RelativeTimeFormat}} words */
export function dayName(instant: number, { language, relative }: {
    language: string;
    relative: Intl.RelativeTimeFormat;
}): string;
export type TimeWords = {
    relative: Intl.RelativeTimeFormat;
    exact: Intl.DateTimeFormat;
    say: (key: string) => string;
};
