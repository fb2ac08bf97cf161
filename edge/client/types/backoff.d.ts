export class Backoff {
    /** @param {Browser} browser @param {readonly number[]} [ceilingsSeconds] */
    constructor(browser: Browser, ceilingsSeconds?: readonly number[]);
    /** Attempts in a row that failed. */ failures: number;
    /** Note a pause that the edge asked for; return it in seconds, a little longer by chance. @param {unknown} asked seconds */
    askedFor(asked: unknown): number;
    /** Note a failure; return the pause in seconds, and whether events of the page must not end it. @param {number} slower */
    failed(slower: number): {
        delaySeconds: number;
        patient: boolean;
    };
    /** Note an attempt that succeeded. */
    succeeded(): void;
    #private;
}
/**
 * The pause before the next attempt.
 *
 * It is random below a ceiling that grows with each failure, so that clients that were cut off together do not return
 * together. A pause that the edge asked for comes on top of it.
 */
export type Browser = import("./browser.js").Browser;
