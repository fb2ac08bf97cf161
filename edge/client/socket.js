/**
 * One socket to one user's inbox.
 *
 * Enters: the edge's address and a function that gets a token. Leaves: the changes of the inbox as `frame` events,
 * each once and in order, whatever happens to the connection in between: it reconnects by itself and resumes from its
 * cursor. Where the edge cannot fill what was missed, a `resync` event asks for the snapshot (`store.js` reads it).
 *
 * Events: `statechange` {state, previous, reason, delaySeconds}, `connected` (the frame CONNECTED), `frame` (a frame
 * that changes the inbox), `resync` {epoch, seq, unread, reason}.
 *
 * @typedef {"disconnected" | "connecting" | "connected" | "reconnecting" | "error"} ConnectionState
 * @typedef {{epoch: string, seq: number}} Cursor
 * @typedef {import("./protocol.js").Frame} Frame
 * @typedef {import("./browser.js").Browser} Browser
 *
 * @typedef {object} Options
 * @property {string | null} [url] as the first argument
 * @property {() => Promise<string | null>} getToken a fresh token; null while there is none: then it is asked for again
 * @property {number} [since] seq of the snapshot to go on from
 * @property {string} [epoch] epoch of that snapshot
 * @property {string} [userId] whose inbox it must be; by default whoever is connected first
 * @property {number[]} [backoffSeconds] the ceilings of the delay before each further attempt
 * @property {Storage} [storage] where the cursor is kept across page loads, by user: `localStorage`, for example
 * @property {Partial<Browser>} [browser]
 */

import { Timers, absoluteUrl, listenToPage, ownBrowser } from "./browser.js";
import { Backoff } from "./backoff.js";
import { recalled, remember } from "./memory.js";
import { CLOSE, parsed } from "./protocol.js";
import { Ways } from "./ways.js";

/** How many times slower after a refusal for too many connections, and while there is no token. */
const PATIENCE = 4;
/** Longest wait for a token and CONNECTED. */
const CONNECT_TIMEOUT_SECONDS = 15;
/** Longest wait for any frame after a heartbeat, and after one that was sent because the page came back. */
const STALE_SECONDS = 10;
const PROBE_SECONDS = 4;
/** The protocol allows one acknowledgement a second. */
const ACK_SECONDS = 1;
/** Used until CONNECTED has named it. */
const HEARTBEAT_SECONDS = 30;
/** Fresh tokens that are refused in a row before giving up. */
const REFUSALS_MAX = 3;

export class NotificationSocket extends EventTarget {
  /** @type {Options} */ #options;
  /** @type {Browser} */ #browser;
  /** @type {ConnectionState} */ #state = "disconnected";
  /** @type {Cursor | null} */ #cursor = null;
  /** @type {ReturnType<Ways["connect"]> | null} */ #socket = null;
  /** @type {Ways} */ #ways;
  /** @type {Timers} */ #timers;
  /** @type {string | null} */ #userId;
  #wanted = false;
  #suspended = false;
  /** Counts attempts: whatever belongs to an earlier one is ignored. */ #attempt = 0;
  /** @type {Backoff} */ #backoff;
  #refusals = 0;
  /** Whether the wait must not be cut short. */ #patient = false;
  #heartbeatSeconds = HEARTBEAT_SECONDS;

  /**
   * @param {string | null} url of the edge, absolute or relative to the page; null: the usual path on the page's host
   * @param {Options} options
   */
  constructor(url, options) {
    super();
    this.#browser = { ...ownBrowser(), ...options.browser };
    this.#options = { ...options, url: absoluteUrl(url ?? options.url ?? null) };
    this.#timers = new Timers(this.#browser);
    this.#ways = new Ways(this.#browser);
    this.#backoff = new Backoff(this.#browser, options.backoffSeconds);
    this.#userId = options.userId ?? null;
    if (options.since !== undefined && options.epoch !== undefined) {
      this.#cursor = { seq: options.since, epoch: options.epoch };
    } else {
      this.#cursor = recalled(options.storage, this.#userId);
    }
  }

  get state() {
    return this.#state;
  }

  /** How far this socket has received; null before it knows. */
  get cursor() {
    return this.#cursor && { ...this.#cursor };
  }

  /** Connect, and stay connected until `close()` or a terminal refusal; after either, connects anew. */
  connect() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#suspended = false;
    this.#backoff.failures = this.#refusals = 0;
    listenToPage(this.#browser, this.#onPage, true);
    this.#open();
  }

  /** Disconnect for good; the cursor is kept. */
  close() {
    this.#stop("disconnected", "closed");
  }

  async #open() {
    this.#drop();
    const attempt = this.#attempt;
    const current = () => attempt === this.#attempt;
    this.#setState(this.#backoff.failures > 0 ? "reconnecting" : "connecting");
    this.#timers.start("connect", CONNECT_TIMEOUT_SECONDS, () => this.#retry("timeout"));
    let token;
    try {
      token = await this.#options.getToken();
    } catch {
      return current() && this.#retry("token");
    }
    if (!current()) return;
    if (!token) return this.#retry("token", PATIENCE);

    try {
      this.#socket = this.#ways.connect(String(this.#options.url), this.#cursor, token);
    } catch {
      return this.#stop("error", "address"); // no attempt can succeed with this address or token
    }
    this.#socket.onmessage = (/** @type {any} */ event) => current() && this.#receive(event.data);
    this.#socket.onclose = (/** @type {any} */ event) => current() && this.#closed(event.code);
  }

  /** @param {any} text */
  #receive(text) {
    this.#timers.stop("stale");
    const frame = parsed(text);
    if (!frame) return;
    this.#ways.answered(this.#oneWay);
    switch (frame.type) {
      case "CONNECTED":
        return this.#connected(frame);
      case "RESYNC":
        return this.#resync(frame, frame.epoch, frame.reason);
      case "GOING_AWAY":
        this.#backoff.askedFor(Number(frame.reconnect_after_seconds) || 0);
        return this.#timers.start("leave", Number(frame.reconnect_after_seconds) || 0, () => this.#open());
      case "RATE_LIMITED":
        return this.#backoff.askedFor(Number(frame.retry_after_seconds) || 0);
      case "AUTH_REFRESH_REQUIRED":
        return this.#refreshToken();
      default:
        if (Number.isInteger(frame.seq)) this.#change(frame);
    }
  }

  /** @param {Frame} frame */
  #connected(frame) {
    if (this.#userId !== null && frame.user_id !== this.#userId) {
      return this.#stop("error", "user changed"); // signed in as somebody else: nothing of theirs may be shown here
    }
    this.#userId = frame.user_id;
    this.#timers.stop("connect");
    this.#backoff.succeeded();
    this.#refusals = 0;
    this.#heartbeatSeconds = Number(frame.heartbeat_seconds) || HEARTBEAT_SECONDS;
    this.#timers.start("heartbeat", this.#heartbeatSeconds, () => this.#heartbeat());
    this.#setState("connected");
    this.#emit("connected", frame);
    if (!frame.resumed || !this.#cursor) this.#resync(frame, frame.epoch, "NOT_RESUMED");
  }

  /** @param {Frame} frame */
  #change(frame) {
    if (!this.#cursor || frame.seq <= this.#cursor.seq) return;
    if (frame.seq > this.#cursor.seq + 1) return this.#resync(frame, this.#cursor.epoch, "GAP");
    this.#cursor.seq = frame.seq;
    this.#acknowledge();
    this.#emit("frame", frame);
  }

  /** @param {Frame} frame @param {string} epoch @param {string} reason */
  #resync({ seq, unread }, epoch, reason) {
    this.#cursor = { epoch, seq };
    this.#acknowledge();
    this.#emit("resync", { epoch, seq, unread, reason });
  }

  #acknowledge() {
    if (this.#timers.has("ack")) return;
    this.#timers.start("ack", ACK_SECONDS, () => {
      this.#send({ type: "ack", seq: this.#cursor?.seq ?? 0 });
      this.#remember();
    });
  }

  #remember() {
    remember(this.#options.storage, this.#userId, this.#cursor);
  }

  get #oneWay() {
    return Boolean(this.#socket && "oneWay" in this.#socket);
  }

  async #refreshToken() {
    if (this.#oneWay) return this.#open(); // there is no other way to say it
    const attempt = this.#attempt;
    try {
      const token = await this.#options.getToken();
      if (token && attempt === this.#attempt) this.#send({ type: "AUTH", token });
    } catch {
      // The edge closes when the old token's grace is over; then a token is asked for again.
    }
  }

  #heartbeat() {
    if (this.#oneWay) return; // the edge says that it is there, and the browser does not tell
    this.#send({ type: "heartbeat" });
    this.#expectAnswer(STALE_SECONDS);
    this.#timers.start("heartbeat", this.#heartbeatSeconds, () => this.#heartbeat());
  }

  /** @param {number} seconds */
  #expectAnswer(seconds) {
    if (this.#timers.has("stale")) return;
    this.#timers.start("stale", seconds, () => this.#retry("silent"));
  }

  /** @param {number} code */
  #closed(code) {
    if (code === CLOSE.REVOKED) return this.#stop("error", "revoked");
    if (code === CLOSE.NO_TOKEN || code === CLOSE.BAD_TOKEN) {
      this.#refusals += 1;
      return this.#refusals < REFUSALS_MAX ? this.#retry("token") : this.#stop("error", "unauthorized");
    }
    return this.#retry(`closed ${code}`, code === CLOSE.TOO_MANY ? PATIENCE : 1);
  }

  /** @param {string} reason @param {number} [slower] */
  #retry(reason, slower = 1) {
    this.#drop();
    const { delaySeconds, patient } = this.#backoff.failed(slower);
    this.#patient = patient;
    this.#timers.start("retry", delaySeconds, () => this.#open());
    this.#setState("reconnecting", reason, delaySeconds);
  }

  /** @param {ConnectionState} state @param {string} reason */
  #stop(state, reason) {
    this.#wanted = false;
    listenToPage(this.#browser, this.#onPage, false);
    this.#drop();
    this.#setState(state, reason);
  }

  /** Let go of the socket and of all that waits; what it still says is ignored. */
  #drop() {
    this.#attempt += 1;
    this.#timers.stopAll();
    const socket = this.#socket;
    this.#socket = null;
    if (socket && socket.readyState < 2) socket.close(CLOSE.NORMAL);
  }

  /** @param {Frame} message */
  #send(message) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  #onPage = (/** @type {Event} */ event) => {
    if (event.type === "pagehide") {
      this.#remember();
      // A page with an open socket cannot be kept for the way back.
      this.#suspended = true;
      this.#drop();
      this.#setState("disconnected", "page hidden");
    } else if (this.#suspended) {
      if (event.type !== "pageshow") return;
      this.#suspended = false;
      this.#open();
    } else if (this.#state === "connected") {
      // After sleep or a change of networks a connection looks open for minutes: ask it.
      if (this.#oneWay) return this.#open();
      this.#send({ type: "heartbeat" });
      this.#expectAnswer(PROBE_SECONDS);
    } else if (event.type !== "offline" && this.#browser.document?.visibilityState !== "hidden") {
      if (this.#timers.has("retry") && !this.#patient) this.#open();
    }
  };

  /** @param {ConnectionState} state @param {string} [reason] @param {number} [delaySeconds] */
  #setState(state, reason = "", delaySeconds = 0) {
    const previous = this.#state;
    this.#state = state;
    if (state !== previous || delaySeconds > 0) this.#emit("statechange", { state, previous, reason, delaySeconds });
  }

  /** @param {string} type @param {object} detail */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
