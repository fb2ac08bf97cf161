/**
 * One connection for all tabs of a browser.
 *
 * The tabs of a user elect a leader by a Web Lock. The leader holds the connection and passes on its frames over a
 * BroadcastChannel. When the leader goes, the browser grants the lock to the next tab, which resumes from its own
 * cursor. A visible tab that receives nothing asks the leader, and takes the lock over from one that does not answer,
 * because browsers suspend pages. Each tab keeps a cursor of its own: it drops frames that it has, and asks the leader,
 * who keeps the newest frames, for those that it lacks. So every tab sees the same log, each change once.
 *
 * Where a browser lacks Web Locks or BroadcastChannel, or refuses them, each tab has a connection of its own. The
 * interface is that of `NotificationSocket`.
 *
 * @typedef {import("./connection.js").Options} Options
 * @typedef {import("./connection.js").ConnectionState} ConnectionState
 * @typedef {import("./connection.js").Cursor} Cursor
 */

import { Timers, absoluteUrl, ownBrowser } from "./browser.js";
import { Election, claimed } from "./election.js";
import { Emitter } from "./emitter.js";
import { SharedLog } from "./log.js";
import { start } from "./cursor-storage.js";
import { NotificationSocket } from "./socket.js";
import { UserChannel } from "./users.js";

/** How much later a hidden tab claims an announcement, how long a claim holds, how long an answer may take (seconds). */
const HIDDEN_SECONDS = 0.3;
const CLAIM_SECONDS = 10;
const CLAIM_ANSWER_SECONDS = 2;

/** @extends {Emitter<import("./connection.js").ConnectionEvents>} */
export class SharedSocket extends Emitter {
  /** @type {Options} */ #options;
  /** @type {string} */ #url;
  /** @type {string | null} */ #userId;
  /** @type {import("./browser.js").Browser} */ #browser;
  /** @type {Timers} */ #timers;
  /** @type {ConnectionState} */ #state = "disconnected";
  /** @type {SharedLog} */ #log;
  /** @type {BroadcastChannel | null} */ #channel = null;
  /** @type {UserChannel | null} */ #users = null;
  /** @type {NotificationSocket | null} of the leader, or of a tab that leads alone */ #socket = null;
  /** @type {Election} */ #election;
  #wanted = false;

  /** @param {string | null} url as for NotificationSocket @param {Options & {userId: number | string}} options */
  constructor(url, options) {
    super();
    this.#options = options;
    this.#browser = { ...ownBrowser(), ...options.browser };
    this.#timers = new Timers(this.#browser);
    this.#url = absoluteUrl(url ?? options.url ?? null);
    this.#election = new Election(this.#browser, this.#timers, {
      won: () => this.#lead(),
      lost: () => this.#rejoin(),
      alone: () => this.#alone(),
      ask: () => this.#say({ what: "ask", cursor: this.#log.cursor }),
    });
    const { cursor, userId } = start(options);
    this.#userId = userId;
    this.#log = new SharedLog(cursor, {
      frame: (frame) => this.emit("frame", frame),
      resync: (request) => this.emit("resync", request),
    });
  }

  get state() {
    return this.#state;
  }

  /** How far this tab has received; null before it is known. */
  get cursor() {
    return this.#log.cursor && { ...this.#log.cursor };
  }

  /** The user whose inbox this is; null while that is not known. */
  get userId() {
    return this.#userId;
  }

  /** Whether this tab holds the connection. */
  get leads() {
    return this.#socket !== null;
  }

  connect() {
    if (this.#wanted && this.#state !== "error") return;
    this.#listen(true);
    this.#rejoin();
    this.#users?.announce(this.#userId);
  }

  close() {
    this.#listen(false);
    this.#leave();
    this.#setState({ state: "disconnected", reason: "closed" });
  }

  /** Find out anew who is signed in, with a fresh token. Until then nothing is emitted of anyone's inbox. */
  identify() {
    if (!this.#wanted) return;
    this.#leave();
    this.#become(null);
    this.#lead(); // the connection only identifies the user; `userchange` joins the tabs of that user
  }

  /**
   * Return true in one tab only, for something that all tabs have received and one should announce (a toast, a
   * celebration); preferably in a visible tab.
   * @param {string} key names the announcement
   * @returns {Promise<boolean>}
   */
  async claim(key) {
    const { document, setTimeout } = this.#browser;
    if (document?.visibilityState === "hidden") {
      await new Promise((resolve) => void setTimeout(() => resolve(undefined), HIDDEN_SECONDS * 1000));
    }
    return claimed(this.#browser, `${this.#name}:${key}`, CLAIM_SECONDS, CLAIM_ANSWER_SECONDS);
  }

  get #name() {
    return `clarion:${this.#url}:${this.#userId}`;
  }

  /** @param {boolean} on */
  #listen(on) {
    this.#wanted = on;
    const verb = on ? "addEventListener" : "removeEventListener";
    this.#browser.window?.[verb]("pagehide", this.#onHide);
    this.#browser.window?.[verb]("pageshow", this.#onShow);
    this.#browser.document?.[verb]("visibilitychange", this.#onVisible);
    this.#users?.close();
    this.#users = on ? new UserChannel(this.#browser, this.#url, this.#onUser) : null;
  }

  #join() {
    const { locks, BroadcastChannel } = this.#browser;
    this.#setState({ state: "connecting" });
    if (!locks || !BroadcastChannel || this.#userId === null) return this.#lead();
    try {
      this.#channel = new BroadcastChannel(this.#name);
    } catch {
      return this.#lead();
    }
    this.#channel.onmessage = ({ data }) => this.#received(data);
    this.#election.stand(this.#name);
  }

  /** Leave the other tabs: the lock goes to the next one. */
  #leave() {
    this.#timers.stopAll();
    const socket = this.#socket;
    this.#socket = null; // what it still emits is not passed on
    socket?.close();
    this.#election.stop();
    this.#channel?.close();
    this.#channel = null;
    this.#log.discard();
  }

  /** Hold a connection without the other tabs, which cannot be reached. */
  #alone() {
    this.#leave();
    this.#lead();
  }

  #rejoin() {
    this.#leave();
    this.#join();
  }

  #lead() {
    const { since, epoch, storage, ...options } = this.#options;
    const { cursor } = this.#log;
    const place = cursor ? { since: cursor.seq, epoch: cursor.epoch } : {};
    const own = { ...options, ...place, storage: this.#userId === null ? undefined : storage, userId: this.#userId };
    const socket = (this.#socket = new NotificationSocket(this.#url, own));
    const on = (/** @type {any} */ type, /** @type {(detail: any) => void} */ listener) =>
      socket.addEventListener(type, (/** @type {any} */ { detail }) => {
        if (this.#socket === socket) listener(detail);
      });
    on("statechange", (detail) => this.#leads(detail));
    on("userchange", ({ userId }) => {
      this.#changeUser(userId);
      this.#users?.announce(userId);
    });
    on("connected", (frame) => {
      if (this.#userId === null) this.#changeUser(String(frame.user_id));
      else this.emit("connected", frame);
    });
    on("trouble", (trouble) => this.emit("trouble", trouble));
    on("frame", (frame) => {
      this.#log.keep(frame);
      this.#say({ what: "frames", frames: [frame], epoch: socket.cursor?.epoch });
      this.#log.advance(frame);
    });
    on("resync", (request) => {
      this.#log.discard();
      this.#say({ what: "resync", detail: request });
      this.#log.resync(request);
    });
    socket.connect();
  }

  /** The leader's connection has changed its state. @param {import("./connection.js").StateChange} change */
  #leads(change) {
    if (this.#userId === null && change.state === "connected") return; // its user is known in a moment
    if (change.state !== "error") {
      this.#say({ what: "state", detail: change });
      return this.#setState(change);
    }
    // Refused: another tab may be luckier, for example one that was loaded after the user signed in again.
    this.#leave();
    this.#setState(change);
    if (change.delaySeconds > 0) this.#timers.start("join", change.delaySeconds, () => this.#join());
  }

  /** Another user is signed in: join that user's tabs. @param {string | null} userId */
  #changeUser(userId) {
    this.#leave();
    this.#become(userId);
    this.#join();
  }

  /** Forget the user's inbox. @param {string | null} userId */
  #become(userId) {
    const previous = this.#userId;
    this.#userId = userId;
    this.#log.cursor = null;
    this.emit("userchange", { userId, previous });
  }

  /** @param {any} message of another tab */
  #received(message) {
    if (message.what === "ask") return this.#answer(message.cursor);
    if (this.#socket) return;
    this.#election.received();
    switch (message.what) {
      case "state":
        return this.#setState(message.detail);
      case "resync":
        return this.#log.resync(message.detail);
      case "frames":
        return void (this.#log.apply(message) || this.#election.ask());
    }
  }

  /** Answer a tab. All tabs receive it, and drop what they have. @param {Cursor | null} cursor */
  #answer(cursor) {
    if (!this.#socket) return;
    const { state, cursor: head } = this.#socket;
    this.#say({ what: "state", detail: { state, previous: "", reason: "", delaySeconds: 0 } });
    if (head) this.#say(this.#log.answer(cursor, head)); // else all tabs are sent it when it is known
  }

  /** @param {object} message */
  #say(message) {
    try {
      this.#channel?.postMessage(message);
    } catch {
      this.#alone();
    }
  }

  // A page that holds a lock or a connection cannot be kept for the way back.
  #onHide = () => {
    this.#leave();
    this.#users?.close();
    this.#setState({ state: "disconnected", reason: "page hidden" });
  };

  #onShow = () => {
    if (!this.#wanted || this.#state !== "disconnected") return;
    this.#listen(true);
    this.#join();
  };

  /** After a while in the background: does a leader still answer? */
  #onVisible = () => {
    if (this.#browser.document?.visibilityState !== "hidden") this.#election.ask();
  };

  /** Another tab has announced its user. */
  #onUser = (/** @type {string | null} */ userId) => {
    if (userId !== this.#userId) this.identify();
  };

  /** @param {{state: ConnectionState, reason?: string, delaySeconds?: number}} change */
  #setState({ state, reason = "", delaySeconds = 0 }) {
    const previous = this.#state;
    this.#state = state;
    if (state !== previous || delaySeconds > 0) this.emit("statechange", { state, previous, reason, delaySeconds });
  }
}
