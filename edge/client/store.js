/**
 * A user's newest notifications and unread count, kept current by a `NotificationSocket` or `SharedSocket`.
 *
 * `notifications` are newest first. `unread` is never counted here but taken from the frames; `unseen` is, by `seen.js`. Frames that arrive while
 * the snapshot is being read are held and applied after it, by seq, so that none is missed or applied twice. When
 * another user signs in, the store forgets everything and starts again from that user's snapshot.
 *
 * @typedef {import("./connection.js").Cursor} Cursor
 * @typedef {import("./connection.js").Connection} Connection
 * @typedef {import("./protocol.js").Frame} Frame
 *
 * @typedef {object} StoreEvents
 * @property {{frame: Frame | null}} change null after a snapshot, and when everything was forgotten
 * @property {{notification: Notification, quiet: boolean}} created `quiet`: it came in a storm, so show it without a toast
 * @property {{notification: Notification, quiet: boolean}} grown one more event collapsed into it
 * @property {{error: unknown}} trouble the snapshot could not be read
 *
 * @typedef {import("./applied.js").Notification} Notification
 *
 * @typedef {{epoch: string, seq: number, unread: number, notifications: Notification[], user_id?: string,
 *   seen?: number, unseen?: number}} Snapshot
 *   `user_id`: whose inbox it is; `unseen`: the number of unread ones above the seq `seen`
 *
 * @typedef {object} StoreOptions
 * @property {() => Promise<Snapshot>} loadSnapshot
 * @property {number} [limit] notifications kept
 * @property {boolean} [clearOnReconnect] show nothing while the connection is lost, and the snapshot when it is back
 * @property {number[]} [retrySeconds] delays after the snapshot could not be read; the last one is repeated
 * @property {(callback: () => void, milliseconds: number) => any} [setTimeout]
 */

import { applied, isGrown, notificationOf } from "./applied.js";
import { Emitter } from "./emitter.js";
import { Seen } from "./seen.js";

export { applied };

const LIMIT = 50;
const RETRY_SECONDS = [1, 2, 4, 8, 16];
/** Pause before a snapshot is read because of a doubt about `unseen`: frames that come together cause one. */
const RECOUNT_SECONDS = 2;

/** @extends {Emitter<StoreEvents>} */
export class NotificationStore extends Emitter {
  /** @type {StoreOptions} */ #options;
  /** @type {Notification[]} */ #notifications = [];
  /** @type {Cursor | null} */ #cursor = null;
  /** @type {Frame[] | null} arrived since a reading of the snapshot began */ #held = null;
  /** @type {Cursor | null} what a socket asked the snapshot to reach */ #wanted = null;
  #unread = 0;
  #seen = new Seen();
  #recounting = false;
  /** @type {string | null} whose inbox the snapshot was of */ #owner = null;
  /** @type {Connection | null} */ #connection = null;
  /** The users of a snapshot and a connection that did not agree. */ #disagreed = "";
  /** Counts readings of the snapshot: only the latest one is used. */ #reading = 0;

  /** @param {StoreOptions} options */
  constructor(options) {
    super();
    this.#options = options;
  }

  /** Newest first; replaced, never changed, when something changes. */
  get notifications() {
    return this.#notifications;
  }

  get unread() {
    return this.#unread;
  }

  /** How many unread ones the user has not seen, at most 100. */
  get unseen() {
    return this.#seen.count(this.#notifications);
  }

  /** The user of the last snapshot; null before it. */
  get userId() {
    return this.#owner;
  }

  /** Notifications that are kept at most. */
  get limit() {
    return this.#options.limit ?? LIMIT;
  }

  /** How far this store is; give it to the socket as `since` and `epoch`. Null before the first snapshot. */
  get cursor() {
    return this.#cursor && { ...this.#cursor };
  }

  /**
   * Follow a connection; return a function that stops following.
   * @param {Connection} socket
   */
  attach(socket) {
    this.#connection = socket;
    /** @type {Record<string, (event: any) => void>} */
    const listeners = {
      frame: ({ detail }) => this.apply(detail),
      resync: ({ detail }) => {
        this.#held = [];
        void this.#resync(detail);
      },
      userchange: () => this.#forget(),
      statechange: ({ detail: { state, previous } }) => {
        if (!this.#options.clearOnReconnect) return;
        if (previous === "connected") this.#clear();
        if (state === "connected" && this.#held && this.#cursor) void this.#resync(this.#cursor);
      },
    };
    for (const [type, listener] of Object.entries(listeners)) socket.addEventListener(type, listener);
    return () => {
      for (const [type, listener] of Object.entries(listeners)) socket.removeEventListener(type, listener);
      if (this.#connection === socket) this.#connection = null;
    };
  }

  /** Read the snapshot once; rejects where it cannot be read, and nothing has changed then. */
  async load() {
    const reading = ++this.#reading;
    this.#held ??= [];
    try {
      const snapshot = await this.#options.loadSnapshot();
      if (reading === this.#reading) this.#accept(this.#checked(snapshot));
    } catch (error) {
      this.emit("trouble", { error });
      if (reading === this.#reading) this.#wanted ? void this.#resync(this.#wanted) : this.#release();
      throw error;
    }
  }

  /**
   * Apply a frame, in order; one that was seen before is dropped.
   * @param {Frame} frame
   */
  apply(frame) {
    if (this.#held) {
      this.#held.push(frame);
      return;
    }
    if (this.#cursor) {
      if (frame.seq <= this.#cursor.seq) return;
      this.#cursor.seq = frame.seq;
    }
    this.#unread = frame.unread;
    const after = applied(this.#notifications, frame);
    if (this.#seen.follow(frame, this.#notifications, after, this.limit)) void this.#recount();
    this.#notifications = after.slice(0, this.limit);
    this.emit("change", { frame });
    const arrived = frame.type === "NOTIFICATION_CREATED" ? "created" : isGrown(frame) ? "grown" : null;
    if (arrived) this.emit(arrived, { notification: notificationOf(frame), quiet: Boolean(frame.quiet) });
  }

  /**
   * Read the snapshot until it is at least as new as `wanted`, which the edge has named.
   * @param {Cursor} wanted
   */
  async #resync(wanted) {
    const reading = ++this.#reading;
    this.#wanted = wanted;
    for (let failures = 0; ; failures += 1) {
      try {
        const answer = await this.#options.loadSnapshot();
        if (reading !== this.#reading) return;
        const snapshot = this.#checked(answer);
        if (snapshot.epoch !== wanted.epoch || snapshot.seq >= wanted.seq) return this.#accept(snapshot);
      } catch (error) {
        if (reading !== this.#reading) return;
        this.emit("trouble", { error });
      }
      await this.#pause(failures);
      if (reading !== this.#reading) return;
    }
  }

  /** Read the snapshot soon, for the number of unseen ones that are older than the list. */
  async #recount() {
    if (this.#recounting) return;
    this.#recounting = true;
    await this.#sleep(RECOUNT_SECONDS);
    this.#recounting = false;
    if (!this.#cursor || this.#held) return; // a snapshot is being read
    this.#held = [];
    void this.#resync(this.#cursor);
  }

  /** @param {number} failures */
  #pause(failures) {
    const delays = this.#options.retrySeconds ?? RETRY_SECONDS;
    return this.#sleep(delays[Math.min(failures, delays.length - 1)]);
  }

  /** @param {number} seconds */
  #sleep(seconds) {
    const start = this.#options.setTimeout ?? ((callback, ms) => globalThis.setTimeout(callback, ms));
    return new Promise((resolve) => start(() => resolve(undefined), seconds * 1000));
  }

  /**
   * Return a valid snapshot of the user who is connected; throw for anything else, such as the body of an error.
   * @param {Snapshot} answer
   */
  #checked(answer) {
    const { epoch, seq, unread, notifications, user_id: owner } = answer ?? {};
    const valid = typeof epoch === "string" && isCount(seq) && isCount(unread) && Array.isArray(notifications);
    if (!valid)
      throw new TypeError("loadSnapshot() did not return a snapshot: check the status of the answer, and throw");
    const connected = this.#connection?.userId;
    if (owner && connected && String(owner) !== connected) {
      const who = `the snapshot is of user ${owner}, the connection of user ${connected}`;
      if (this.#disagreed !== who) {
        this.#disagreed = who; // once: where they never agree, asking again does not help
        this.#connection?.identify?.();
      }
      throw new Error(`Another user has signed in: ${who}`);
    }
    return answer;
  }

  /** @param {Snapshot} snapshot */
  #accept(snapshot) {
    const { epoch, seq, unread, notifications } = snapshot;
    this.#wanted = null;
    this.#cursor = { epoch, seq };
    this.#owner = snapshot.user_id ? String(snapshot.user_id) : null;
    this.#unread = unread;
    this.#notifications = notifications.slice(0, this.limit);
    this.#seen.start(snapshot, this.#notifications);
    this.emit("change", { frame: null });
    this.#release();
  }

  /** Forget everything, a snapshot that is being read too. What follows is another user's. */
  #forget() {
    this.#reading += 1;
    this.#wanted = this.#cursor = this.#owner = null;
    this.#unread = 0;
    this.#seen = new Seen();
    this.#clear();
  }

  /** Show nothing; keep the cursor, so that the snapshot that follows can be compared with it. */
  #clear() {
    this.#notifications = [];
    this.#held = [];
    this.emit("change", { frame: null });
  }

  #release() {
    const held = this.#held ?? [];
    this.#held = null;
    for (const frame of held) this.apply(frame);
  }
}

/** @param {unknown} value */
function isCount(value) {
  return Number.isInteger(value) && Number(value) >= 0;
}
