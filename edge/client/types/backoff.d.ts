export class Backoff {
    /** @param {Browser} browser @param {readonly number[]} [ceilingsSeconds] */
    constructor(browser: Browser, ceilingsSeconds?: readonly number[]);
    /** Attempts in a row that failed. */ failures: number;
    /** The edge asked for a pause. @param {number} seconds */
    askedFor(seconds: number): void;
    /** An attempt failed: the seconds to wait, and whether that wait must not be cut short. @param {number} slower */
    failed(slower: number): {
        delaySeconds: number;
        patient: boolean;
    };
    /** An attempt came through. */
    succeeded(): void;
    #private;
}
/**
 * How long to wait before the next attempt.
 *
 * Enters: that an attempt failed, how much slower the next one should be, what the edge asked for. Leaves: seconds,
 * anything below a ceiling that grows (full jitter), so that a crowd that was cut off together does not come back
 * together; or what the edge asked for, where it did.
 */
export type Browser = import("./browser.js").Browser;
