/**
 * One connection for all tabs of a browser.
 *
 * The tabs of a user elect a leader by a Web Lock: whoever has it holds the connection and passes on what it says over a
 * BroadcastChannel. When the leader goes, the browser gives the lock to the next tab at once, which goes on from its own
 * cursor. Each tab keeps a cursor of its own and judges by it: what it has is dropped, and for what it lacks it asks the
 * leader, who keeps the newest frames, before it asks for the snapshot. So every tab sees the same log, each change once.
 *
 * The interface is that of `NotificationSocket`. Where a browser has no Web Locks or no BroadcastChannel, each tab has a
 * connection of its own.
 *
 * @typedef {import("./socket.js").Options} Options
 * @typedef {import("./socket.js").Cursor} Cursor
 * @typedef {import("./socket.js").ConnectionState} ConnectionState
 * @typedef {import("./protocol.js").Frame} Frame
 */

import { Timers, ownBrowser } from "./browser.js";
import { NotificationSocket } from "./socket.js";

/** Frames that a leader keeps for tabs that open later or fell behind. */
const KEPT = 200;
/** A leader that does not answer for so long is not there, whatever the lock says: a page can be frozen (seconds). */
const ANSWER_SECONDS = 4;
/** How much later a hidden tab claims an announcement, and for how long a claim holds (seconds). */
const HIDDEN_SECONDS = 0.3;
const CLAIM_SECONDS = 10;

export class SharedSocket extends EventTarget {
  /** @type {Options & {userId: string}} */ #options;
  /** @type {import("./browser.js").Browser} */ #browser;
  /** @type {Timers} */ #timers;
  /** @type {string} */ #name;
  /** @type {ConnectionState} */ #state = "disconnected";
  /** @type {Cursor | null} */ #cursor = null;
  /** @type {BroadcastChannel | null} */ #channel = null;
  /** @type {NotificationSocket | null} of the leader, or of a tab that is alone */ #socket = null;
  /** @type {AbortController | null} */ #election = null;
  /** @type {(() => void) | null} gives the lock back */ #abdicate = null;
  /** @type {Frame[]} newest last, without a hole */ #kept = [];
  #wanted = false;

  /** @param {string | null} url as for NotificationSocket @param {Options & {userId: string}} options */
  constructor(url, options) {
    super();
    this.#options = { ...options, url: url ?? options.url };
    this.#browser = { ...ownBrowser(), ...options.browser };
    this.#timers = new Timers(this.#browser);
    this.#name = `clarion:${this.#options.url ?? ""}:${options.userId}`;
    if (options.since !== undefined && options.epoch !== undefined) {
      this.#cursor = { seq: options.since, epoch: options.epoch };
    }
  }

  get state() {
    return this.#state;
  }

  /** How far this tab has received; null before it knows. */
  get cursor() {
    return this.#cursor && { ...this.#cursor };
  }

  /** Whether this tab holds the connection. */
  get leads() {
    return this.#socket !== null;
  }

  connect() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#browser.window?.addEventListener("pagehide", this.#onHide);
    this.#browser.window?.addEventListener("pageshow", this.#onShow);
    this.#browser.document?.addEventListener("visibilitychange", this.#onVisible);
    this.#join();
  }

  close() {
    this.#wanted = false;
    this.#browser.window?.removeEventListener("pagehide", this.#onHide);
    this.#browser.window?.removeEventListener("pageshow", this.#onShow);
    this.#browser.document?.removeEventListener("visibilitychange", this.#onVisible);
    this.#leave();
    this.#setState({ state: "disconnected", reason: "closed" });
  }

  /**
   * Whether this tab should announce something that all tabs have heard of (a toast, a celebration): true in one of
   * them, and rather in one that is seen.
   * @param {string} key names what is announced
   * @returns {Promise<boolean>}
   */
  async claim(key) {
    const { locks, document } = this.#browser;
    if (!locks) return true;
    if (document?.visibilityState === "hidden") await this.#pause(HIDDEN_SECONDS);
    return new Promise((resolve) => {
      void locks.request(`${this.#name}:${key}`, { ifAvailable: true }, async (lock) => {
        resolve(lock !== null);
        if (lock) await this.#pause(CLAIM_SECONDS);
      });
    });
  }

  #join() {
    const { locks, BroadcastChannel } = this.#browser;
    this.#setState({ state: "connecting" });
    if (!locks || !BroadcastChannel) return this.#lead();
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#told(data);
    this.#stand(false);
    this.#ask();
  }

  /** Stand for election: now, or whenever whoever leads goes. @param {boolean} steal */
  #stand(steal) {
    const election = (this.#election = new AbortController());
    // A lock can be stolen or waited for until it is called off, not both.
    const how = steal ? { steal } : { signal: election.signal };
    const reign = () =>
      new Promise((resolve) => {
        if (election.signal.aborted) return resolve(undefined);
        this.#abdicate = () => resolve(undefined);
        this.#lead();
      });
    this.#browser.locks?.request(this.#name, how, reign).catch(() => {
      // Called off by ourselves; or another tab stole the lock, since this one did not answer.
      if (this.#election === election && this.#wanted) this.#follow();
    });
  }

  #leave() {
    this.#timers.stopAll();
    this.#election?.abort();
    this.#election = null;
    this.#socket?.close();
    this.#socket = null;
    this.#abdicate?.();
    this.#abdicate = null;
    this.#channel?.close();
    this.#channel = null;
    this.#kept = [];
  }

  #follow() {
    this.#leave();
    this.#join();
  }

  #lead() {
    this.#timers.stop("answer");
    const { since, epoch, ...options } = this.#options;
    const place = this.#cursor ? { since: this.#cursor.seq, epoch: this.#cursor.epoch } : {};
    const socket = (this.#socket = new NotificationSocket(options.url ?? null, { ...options, ...place }));
    const on = (/** @type {string} */ type, /** @type {(detail: any) => void} */ heard) =>
      socket.addEventListener(type, (/** @type {any} */ { detail }) => {
        if (this.#socket === socket) heard(detail);
      });
    on("statechange", (detail) => {
      this.#setState(detail);
      this.#say({ what: "state", detail });
    });
    on("connected", (detail) => {
      this.#emit("connected", detail);
    });
    on("frame", (frame) => {
      this.#kept = [...this.#kept, frame].slice(-KEPT);
      this.#say({ what: "frames", frames: [frame], epoch: socket.cursor?.epoch });
      this.#frame(frame);
    });
    on("resync", (detail) => {
      this.#kept = [];
      this.#say({ what: "resync", detail });
      this.#resync(detail);
    });
    socket.connect();
  }

  /** Ask the leader where it stands, and for what this tab lacks. */
  #ask() {
    if (this.#socket) return;
    this.#say({ what: "ask", cursor: this.#cursor });
    if (this.#timers.has("answer")) return;
    this.#timers.start("answer", ANSWER_SECONDS, () => {
      if (this.#browser.document?.visibilityState === "hidden") return; // perhaps it is we who were frozen
      this.#election?.abort();
      this.#stand(true);
    });
  }

  /** @param {any} message of another tab */
  #told(message) {
    if (message.what === "ask") return this.#answer(message.cursor);
    if (this.#socket) return;
    this.#timers.stop("answer");
    switch (message.what) {
      case "state":
        return this.#setState(message.detail);
      case "resync":
        return this.#resync(message.detail);
      case "frames":
        return this.#frames(message);
    }
  }

  /** A tab has asked. All hear the answer, and drop what they have. @param {Cursor | null} cursor */
  #answer(cursor) {
    const head = this.#socket?.cursor;
    if (!this.#socket) return;
    this.#say({ what: "state", detail: { state: this.#socket.state, previous: "", reason: "", delaySeconds: 0 } });
    if (!head) return; // it will say so when it knows
    const missed = this.#kept.filter((frame) => cursor !== null && frame.seq > cursor.seq);
    const reaches = cursor !== null && (cursor.seq >= head.seq || missed[0]?.seq === cursor.seq + 1);
    if (cursor?.epoch === head.epoch && reaches) this.#say({ what: "frames", frames: missed, epoch: head.epoch });
    else this.#say({ what: "resync", detail: { ...head, reason: "JOINED" } });
  }

  /** @param {{frames: Frame[], epoch: string}} message */
  #frames({ frames, epoch }) {
    for (const frame of frames) {
      if (!this.#cursor || this.#cursor.epoch !== epoch || frame.seq > this.#cursor.seq + 1) return this.#ask();
      this.#frame(frame);
    }
  }

  /** @param {Frame} frame */
  #frame(frame) {
    if (this.#cursor) {
      if (frame.seq <= this.#cursor.seq) return;
      this.#cursor.seq = frame.seq;
    }
    this.#emit("frame", frame);
  }

  /** @param {any} detail */
  #resync(detail) {
    // One that was meant for another tab, which had less.
    const has = this.#cursor !== null && this.#cursor.epoch === detail.epoch && this.#cursor.seq >= detail.seq;
    if (detail.reason === "JOINED" && has) return;
    this.#cursor = { epoch: detail.epoch, seq: detail.seq };
    this.#emit("resync", detail);
  }

  /** @param {object} message */
  #say(message) {
    this.#channel?.postMessage(message);
  }

  /** @param {number} seconds */
  #pause(seconds) {
    return new Promise((resolve) => void this.#browser.setTimeout(() => resolve(undefined), seconds * 1000));
  }

  // A page that holds a lock or a connection cannot be kept for the way back.
  #onHide = () => {
    this.#leave();
    this.#setState({ state: "disconnected", reason: "page hidden" });
  };

  #onShow = () => {
    if (this.#wanted && this.#state === "disconnected") this.#join();
  };

  /** After a while in the background: is there still somebody who leads? */
  #onVisible = () => {
    if (this.#browser.document?.visibilityState !== "hidden" && this.#channel) this.#ask();
  };

  /** @param {{state: ConnectionState, reason?: string, delaySeconds?: number}} change */
  #setState({ state, reason = "", delaySeconds = 0 }) {
    const previous = this.#state;
    this.#state = state;
    if (state !== previous || delaySeconds > 0) this.#emit("statechange", { state, previous, reason, delaySeconds });
  }

  /** @param {string} type @param {object} detail */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
