/**
 * How long to wait before the next attempt.
 *
 * Enters: that an attempt failed, how much slower the next one should be, what the edge asked for. Leaves: seconds,
 * anything below a ceiling that grows (full jitter), so that a crowd that was cut off together does not come back
 * together; or what the edge asked for, where it did.
 *
 * @typedef {import("./browser.js").Browser} Browser
 */

/** Ceilings of the delay before each attempt. */
const CEILINGS_SECONDS = [2, 4, 8, 16];

export class Backoff {
  /** @type {Browser} */ #browser;
  /** @type {readonly number[]} */ #ceilings;
  /** Attempts in a row that failed. */ failures = 0;
  /** Not before this time, as the edge asked (milliseconds). */ #notBefore = 0;

  /** @param {Browser} browser @param {readonly number[]} [ceilingsSeconds] */
  constructor(browser, ceilingsSeconds = CEILINGS_SECONDS) {
    this.#browser = browser;
    this.#ceilings = ceilingsSeconds;
  }

  /** The edge asked for a pause. @param {number} seconds */
  askedFor(seconds) {
    this.#notBefore = this.#browser.now() + 1000 * seconds;
  }

  /** An attempt failed: the seconds to wait, and whether that wait must not be cut short. @param {number} slower */
  failed(slower) {
    const ceiling = this.#ceilings[Math.min(this.failures, this.#ceilings.length - 1)] * slower;
    const asked = (this.#notBefore - this.#browser.now()) / 1000;
    this.failures += 1;
    return { delaySeconds: asked > 0 ? asked : this.#browser.random() * ceiling, patient: slower > 1 || asked > 0 };
  }

  /** An attempt came through. */
  succeeded() {
    this.failures = this.#notBefore = 0;
  }
}
