/**
 * Heartbeats of an open connection, and the detection of one that is dead.
 *
 * @typedef {import("./browser.js").Timers} Timers
 */

/** Longest wait for any frame after a heartbeat, and after one that was sent because the page came back. */
const STALE_SECONDS = 10;
const PROBE_SECONDS = 4;
/** Used where CONNECTED names no interval, or one below a second. */
const HEARTBEAT_SECONDS = 30;

export class Pulse {
  /** @type {Timers} */ #timers;
  /** @type {() => void} */ #send;
  /** @type {() => void} */ #silent;
  #seconds = HEARTBEAT_SECONDS;

  /** @param {Timers} timers of the connection @param {() => void} send a heartbeat @param {() => void} silent no answer came */
  constructor(timers, send, silent) {
    this.#timers = timers;
    this.#send = send;
    this.#silent = silent;
  }

  /** Send heartbeats from now on. @param {unknown} seconds */
  start(seconds) {
    this.#seconds = Number(seconds) >= 1 ? Number(seconds) : HEARTBEAT_SECONDS;
    this.#next();
  }

  /** Note that a frame arrived. */
  received() {
    this.#timers.stop("stale");
  }

  /** Ask whether the connection still works: after sleep or a change of networks it looks open for minutes. */
  probe() {
    this.#send();
    this.#expect(PROBE_SECONDS);
  }

  #next() {
    this.#timers.start("heartbeat", this.#seconds, () => {
      this.#send();
      this.#expect(STALE_SECONDS);
      this.#next();
    });
  }

  /** @param {number} seconds */
  #expect(seconds) {
    if (!this.#timers.has("stale")) this.#timers.start("stale", seconds, this.#silent);
  }
}
