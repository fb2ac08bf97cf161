/**
 * One connection to one user's inbox.
 *
 * Emits the changes of the inbox as `frame` events, each once and in order, also across reconnects: it
 * reconnects by itself and resumes from its cursor. Where the edge cannot fill a gap, a `resync` event asks for the
 * snapshot (`store.js` reads it). Where another user is signed in, a `userchange` event comes before anything of theirs.
 *
 * @typedef {import("./connection.js").ConnectionState} ConnectionState
 * @typedef {import("./connection.js").Cursor} Cursor
 * @typedef {import("./connection.js").Options} Options
 * @typedef {import("./protocol.js").Frame} Frame
 * @typedef {import("./browser.js").Browser} Browser
 */

import { Timers, absoluteUrl, listenToPage, ownBrowser } from "./browser.js";
import { Backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { remember, start } from "./cursor-storage.js";
import { CLOSE, parsed } from "./protocol.js";
import { Pulse } from "./pulse.js";
import { Transports } from "./transports.js";

/** How many times slower after a refusal for too many connections, and while there is no token. */
const PATIENCE = 4;
/** Fresh tokens that are refused in a row before attempts become rare, and how many times slower they are then. */
const REFUSALS_MAX = 3;
const REFUSED_PATIENCE = 16;
/** Longest wait for a token and CONNECTED; for a WebSocket where event streams are known to work. */
const CONNECT_TIMEOUT_SECONDS = 15;
const PROBE_TIMEOUT_SECONDS = 5;
/** The protocol allows one acknowledgement a second. */
const ACK_SECONDS = 1;

/** @extends {Emitter<import("./connection.js").ConnectionEvents>} */
export class NotificationSocket extends Emitter {
  /** @type {Options} */ #options;
  /** @type {string} */ #url;
  /** @type {Browser} */ #browser;
  /** @type {ConnectionState} */ #state = "disconnected";
  /** @type {Cursor | null} */ #cursor;
  /** @type {ReturnType<Transports["connect"]> | null} */ #socket = null;
  /** @type {Transports} */ #transports;
  /** @type {Timers} */ #timers;
  /** @type {Pulse} */ #pulse;
  /** @type {string | null} */ #userId;
  /** Whether `userchange` has asked everyone to wait until the user is known. */ #doubted = false;
  #wanted = false;
  #suspended = false;
  /** Counts attempts: events of an earlier one are ignored. */ #attempt = 0;
  /** @type {Backoff} */ #backoff;
  #refusals = 0;
  /** Whether events of the page must not end the pause. */ #patient = false;
  /** Whether this attempt only looks whether WebSockets work again. */ #probing = false;

  /**
   * @param {string | null} url of the edge, absolute or relative to the page; null: the usual path on the page's host
   * @param {Options} [options]
   */
  constructor(url, options = {}) {
    super();
    this.#browser = { ...ownBrowser(), ...options.browser };
    this.#options = options;
    this.#url = absoluteUrl(url ?? options.url ?? null);
    this.#timers = new Timers(this.#browser);
    this.#pulse = new Pulse(
      this.#timers,
      () => this.#send({ type: "heartbeat" }),
      () => this.#retry("silent"),
    );
    this.#transports = new Transports(this.#browser);
    this.#backoff = new Backoff(this.#browser, options.backoffSeconds);
    ({ cursor: this.#cursor, userId: this.#userId } = start(options));
  }

  get state() {
    return this.#state;
  }

  /** How far this socket has received; null before it is known. */
  get cursor() {
    return this.#cursor && { ...this.#cursor };
  }

  /** The user whose inbox this is; null while that is not known. */
  get userId() {
    return this.#userId;
  }

  /** Connect, and stay connected until `close()` or until access is revoked; after either, connect anew. */
  connect() {
    if (this.#wanted && this.#state !== "error") return;
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

  /** Find out anew who is signed in, with a fresh token. Until then nothing is emitted of anyone's inbox. */
  identify() {
    if (!this.#wanted) return;
    const previous = this.#userId;
    this.#userId = this.#cursor = null;
    this.#doubted = true;
    this.emit("userchange", { userId: null, previous });
    this.#open();
  }

  /** @returns {Promise<void>} */
  async #open() {
    this.#drop();
    const attempt = this.#attempt;
    const current = () => attempt === this.#attempt;
    const { streams } = this.#transports;
    this.#probing = this.#transports.probes;
    this.#setState(this.#backoff.failures > 0 ? "reconnecting" : "connecting");
    if (!current()) return; // a listener has closed the connection
    const patience = this.#probing ? PROBE_TIMEOUT_SECONDS : CONNECT_TIMEOUT_SECONDS;
    this.#timers.start("connect", patience, () => this.#retry("timeout"));
    const { getToken, getTicket } = this.#options;
    const ask = streams && getTicket ? getTicket : getToken;
    let token = null;
    try {
      token = ask ? await ask() : null;
    } catch (error) {
      if (current()) this.#tokenFailed(error);
      return;
    }
    if (!current()) return;
    if (ask && (!token || typeof token !== "string")) return this.#retry("token", PATIENCE);

    try {
      this.#socket = this.#transports.connect(this.#url, this.#cursor, token);
    } catch {
      return this.#retry("token", PATIENCE); // the answer of something that is not the web app, perhaps: ask again
    }
    this.#socket.onmessage = (/** @type {any} */ event) => current() && this.#receive(event.data);
    this.#socket.onclose = (/** @type {any} */ event) => current() && this.#closed(event.code);
  }

  /** @param {any} text */
  #receive(text) {
    this.#pulse.received();
    const frame = parsed(text);
    if (!frame) return;
    this.#probing = false;
    this.#transports.answered(this.#oneWay);
    switch (frame.type) {
      case "CONNECTED":
        return this.#connected(frame);
      case "RESYNC":
        return this.#resync(frame, frame.epoch, frame.reason);
      case "GOING_AWAY":
        return this.#timers.start("leave", this.#backoff.askedFor(frame.reconnect_after_seconds), () => this.#open());
      case "RATE_LIMITED":
        return void this.#backoff.askedFor(frame.retry_after_seconds);
      case "AUTH_REFRESH_REQUIRED":
        return this.#refreshToken();
      default:
        if (Number.isInteger(frame.seq)) this.#change(frame);
    }
  }

  /** @param {Frame} frame */
  #connected(frame) {
    const userId = String(frame.user_id);
    const previous = this.#userId;
    const changed = this.#doubted || (previous !== null && previous !== userId);
    this.#userId = userId;
    this.#doubted = false;
    this.#timers.stop("connect");
    const attempt = this.#attempt;
    if (changed) {
      this.#cursor = null;
      this.emit("userchange", { userId, previous });
      if (attempt !== this.#attempt) return;
    }
    this.#backoff.succeeded();
    this.#refusals = 0;
    if (!this.#oneWay) this.#pulse.start(frame.heartbeat_seconds); // a stream goes one way, and browsers show no comments
    this.#setState("connected");
    this.emit("connected", frame);
    if (attempt !== this.#attempt) return;
    if (!frame.resumed || !this.#cursor) this.#resync(frame, frame.epoch, "NOT_RESUMED");
  }

  /** @param {Frame} frame */
  #change(frame) {
    if (!this.#cursor || frame.seq <= this.#cursor.seq) return;
    if (frame.seq > this.#cursor.seq + 1) return this.#resync(frame, this.#cursor.epoch, "GAP");
    this.#cursor.seq = frame.seq;
    this.#acknowledge();
    this.emit("frame", frame);
  }

  /** @param {Frame} frame @param {string} epoch @param {string} reason */
  #resync({ seq, unread }, epoch, reason) {
    this.#cursor = { epoch, seq };
    this.#acknowledge();
    this.emit("resync", { epoch, seq, unread, reason });
  }

  #acknowledge() {
    if (this.#timers.has("ack")) return;
    this.#timers.start("ack", ACK_SECONDS, () => {
      this.#send({ type: "ack", seq: this.#cursor?.seq ?? 0 });
      this.#remember();
    });
  }

  #remember() {
    remember(this.#options, this.#userId, this.#cursor);
  }

  get #oneWay() {
    return Boolean(this.#socket && "oneWay" in this.#socket);
  }

  /** @param {unknown} error of `getToken` or `getTicket` */
  #tokenFailed(error) {
    if (this.#backoff.failures === 0) console.warn("Clarion: no token for the connection, trying again:", error);
    this.emit("trouble", { error });
    this.#retry("token");
  }

  async #refreshToken() {
    const { getToken } = this.#options;
    // A stream cannot be sent a token, and a cookie is sent with a new connection only.
    if (this.#oneWay || !getToken) return this.#open();
    const attempt = this.#attempt;
    try {
      const token = await getToken();
      if (token && attempt === this.#attempt) this.#send({ type: "AUTH", token });
    } catch {
      // The edge closes when the old token's grace is over; then a token is asked for again.
    }
  }

  /** @param {number} code */
  #closed(code) {
    if (code === CLOSE.REVOKED) return this.#stop("error", "revoked");
    if (code === CLOSE.NO_TOKEN || code === CLOSE.BAD_TOKEN) {
      this.#refusals += 1;
      // It goes on all the same: that a token is refused may be the fault of an outage.
      return this.#refusals < REFUSALS_MAX
        ? this.#retry("token")
        : this.#retry("unauthorized", REFUSED_PATIENCE, "error");
    }
    return this.#retry(`closed ${code}`, code === CLOSE.TOO_MANY ? PATIENCE : 1);
  }

  /** @param {string} reason @param {number} [slower] @param {ConnectionState} [state] @returns {void} */
  #retry(reason, slower = 1, state = "reconnecting") {
    if (this.#probing && slower === 1) return void this.#open(); // by a stream, which is known to work
    this.#drop();
    const { delaySeconds, patient } = this.#backoff.failed(slower);
    this.#patient = patient;
    this.#timers.start("retry", delaySeconds, () => this.#open());
    this.#setState(state, reason, delaySeconds);
  }

  /** @param {ConnectionState} state @param {string} reason */
  #stop(state, reason) {
    this.#wanted = false;
    listenToPage(this.#browser, this.#onPage, false);
    this.#drop();
    this.#setState(state, reason);
  }

  /** Abandon the socket and all timers. */
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
    const hidden = this.#browser.document?.visibilityState === "hidden";
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
      if (!this.#oneWay) this.#pulse.probe();
      else if (!hidden) this.#open(); // a stream cannot be asked whether it works
    } else if (event.type !== "offline" && !hidden) {
      if (this.#timers.has("retry") && !this.#patient) this.#open();
    }
  };

  /** @param {ConnectionState} state @param {string} [reason] @param {number} [delaySeconds] */
  #setState(state, reason = "", delaySeconds = 0) {
    const previous = this.#state;
    this.#state = state;
    if (state !== previous || delaySeconds > 0) this.emit("statechange", { state, previous, reason, delaySeconds });
  }
}
