/**
 * The pause before the next attempt.
 *
 * It is random below a ceiling that grows with each failure, so that clients that were cut off together do not return
 * together. A pause that the edge asked for comes on top of it.
 *
 * @typedef {import("./browser.js").Browser} Browser
 */

/** Ceilings of the delay before each attempt. */
const CEILINGS_SECONDS = [2, 4, 8, 16];
/** Longest pause that the edge may ask for. */
const ASKED_MAX_SECONDS = 3600;
/** Spread of clients whose edge asked them to leave: part of the time it gave, and at most (seconds). */
const LEAVE_SPREAD = 0.25;
const LEAVE_SPREAD_MAX_SECONDS = 2;

export class Backoff {
  /** @type {Browser} */ #browser;
  /** @type {readonly number[]} */ #ceilings;
  /** Attempts in a row that failed. */ failures = 0;
  /** No attempt before this time, as the edge asked (milliseconds). */ #notBefore = 0;

  /** @param {Browser} browser @param {readonly number[]} [ceilingsSeconds] */
  constructor(browser, ceilingsSeconds = CEILINGS_SECONDS) {
    this.#browser = browser;
    this.#ceilings = ceilingsSeconds;
  }

  /** Note a pause that the edge asked for; return it in seconds, a little longer by chance. @param {unknown} asked seconds */
  askedFor(asked) {
    const seconds = Math.min(Math.max(Number(asked) || 0, 0), ASKED_MAX_SECONDS);
    this.#notBefore = this.#browser.now() + 1000 * seconds;
    return seconds + Math.min(seconds * LEAVE_SPREAD, LEAVE_SPREAD_MAX_SECONDS) * this.#browser.random();
  }

  /** Note a failure; return the pause in seconds, and whether events of the page must not end it. @param {number} slower */
  failed(slower) {
    const ceiling = this.#ceilings[Math.min(this.failures, this.#ceilings.length - 1)] * slower;
    const asked = Math.max(0, (this.#notBefore - this.#browser.now()) / 1000);
    this.failures += 1;
    return { delaySeconds: asked + this.#browser.random() * ceiling, patient: slower > 1 || asked > 0 };
  }

  /** Note an attempt that succeeded. */
  succeeded() {
    this.failures = this.#notBefore = 0;
  }
}
