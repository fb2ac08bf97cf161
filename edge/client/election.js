/**
 * Elects one leader among the tabs that stand for the same name, by a Web Lock, and replaces one that does not answer.
 *
 * Browsers suspend pages, and a suspended leader keeps its lock: a visible tab that has received nothing for a while asks,
 * and takes the lock over when no answer comes. A browser may have Web Locks and refuse them: `request` throws, rejects
 * or never settles. Then, and where the lock is taken back and forth because tabs cannot reach each other, a tab leads
 * alone.
 *
 * @typedef {import("./browser.js").Browser} Browser
 * @typedef {import("./browser.js").Timers} Timers
 *
 * @typedef {object} Callbacks
 * @property {() => void} won this tab leads
 * @property {() => void} lost another tab has taken the lock
 * @property {() => void} alone this tab leads without the others, and stands no more
 * @property {() => void} ask send the leader a question
 */

/** A visible tab that has received nothing for the first time asks the leader, and waits for the second (seconds). */
const QUIET_SECONDS = 10;
const ANSWER_SECONDS = 4;
/** A timer that fires later than this was suspended with its tab: it proves nothing about the leader (seconds). */
const LATE_SECONDS = 2;
/** A tab that loses the lock this often in this time (seconds) cannot reach the others. */
const LOSSES_MAX = 3;
const LOSSES_SECONDS = 60;

export class Election {
  /** @type {Browser} */ #browser;
  /** @type {Timers} */ #timers;
  /** @type {Callbacks} */ #callbacks;
  #name = "";
  /** @type {AbortController | null} of the request that counts */ #request = null;
  /** @type {(() => void) | null} returns the lock */ #release = null;
  /** @type {number[]} when the lock was lost (milliseconds) */ #losses = [];

  /** @param {Browser} browser @param {Timers} timers of the tab, stopped with `stop` @param {Callbacks} callbacks */
  constructor(browser, timers, callbacks) {
    this.#browser = browser;
    this.#timers = timers;
    this.#callbacks = callbacks;
  }

  /** Stand for election until the lock is free. @param {string} name */
  stand(name) {
    this.#name = name;
    void this.#stand(false);
    this.ask();
  }

  /** Withdraw, or return the lock. */
  stop() {
    this.#timers.stop("answer");
    this.#timers.stop("quiet");
    this.#request?.abort();
    this.#request = null;
    this.#release?.();
    this.#release = null;
  }

  /** Ask the leader, and expect an answer. */
  ask() {
    if (this.#release || !this.#request) return;
    this.#callbacks.ask();
    if (!this.#timers.has("answer")) this.#expectAnswer(false);
  }

  /** Note a message of the leader. */
  received() {
    this.#timers.stop("answer");
    this.#timers.start("quiet", QUIET_SECONDS, () => this.#visible && this.ask());
  }

  get #visible() {
    return this.#browser.document?.visibilityState !== "hidden";
  }

  /** @param {boolean} steal take the lock from its holder */
  async #stand(steal) {
    this.#request?.abort();
    const request = (this.#request = new AbortController());
    let won = false;
    const lead = () =>
      new Promise((resolve) => {
        if (request.signal.aborted) return resolve(undefined);
        won = true;
        this.#release = () => resolve(undefined);
        this.#timers.stop("answer");
        this.#timers.stop("quiet");
        this.#callbacks.won();
      });
    try {
      // A lock can be stolen, or waited for until the request is aborted; not both.
      const how = steal ? { steal } : { signal: request.signal };
      await /** @type {LockManager} */ (this.#browser.locks).request(this.#name, how, lead);
    } catch {
      if (this.#request !== request) return; // withdrawn
      this.#release = null;
      if (won && !this.#losesTooOften()) this.#callbacks.lost();
      else this.#callbacks.alone();
    }
  }

  #losesTooOften() {
    const now = this.#browser.now();
    this.#losses = [...this.#losses, now].filter((at) => now - at < LOSSES_SECONDS * 1000);
    return this.#losses.length >= LOSSES_MAX;
  }

  /** @param {boolean} stole whether this tab has already tried to take the lock over */
  #expectAnswer(stole) {
    const late = this.#browser.now() + (ANSWER_SECONDS + LATE_SECONDS) * 1000;
    this.#timers.start("answer", ANSWER_SECONDS, () => {
      if (!this.#visible) return; // it asks when it is shown
      if (this.#browser.now() > late) return this.ask(); // it was this tab that slept
      if (stole) return this.#callbacks.alone(); // the browser does not answer
      void this.#stand(true);
      this.#expectAnswer(true);
    });
  }
}

/**
 * Return whether this tab is the one that has claimed `name`, for some seconds; where locks are refused, each tab has.
 * @param {import("./browser.js").Browser} browser @param {string} name @param {number} seconds
 * @param {number} patienceSeconds longest wait for an answer
 * @returns {Promise<boolean>}
 */
export function claimed({ locks, setTimeout }, name, seconds, patienceSeconds) {
  const after = (/** @type {number} */ delay) =>
    new Promise((resolve) => void setTimeout(() => resolve(undefined), delay * 1000));
  return new Promise((resolve) => {
    const claim = async () => {
      await locks?.request(name, { ifAvailable: true }, async (lock) => {
        resolve(lock !== null);
        if (lock) await after(seconds);
      });
      resolve(true); // no locks
    };
    void claim().catch(() => resolve(true));
    void after(patienceSeconds).then(() => resolve(true));
  });
}
