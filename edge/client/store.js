/**
 * A user's newest notifications and unread count, kept current by a `NotificationSocket` or `SharedSocket`.
 *
 * `notifications` are newest first. `unread` is never counted here but taken from the frames. Frames that arrive while
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
 * @typedef {import("./frames.js").Actor} Actor
 *
 * @typedef {object} Notification
 * @property {string} notificationId stays the same while further ones collapse into it
 * @property {number} seq of its last change of content: where it stands, and what "read through" is measured by
 * @property {string} notificationType
 * @property {string} createdAt ISO 8601, UTC
 * @property {boolean} isRead
 * @property {Record<string, any>} data
 * @property {Actor | null} actor
 * @property {string | null} messageId
 * @property {string | null} conversationId
 * @property {string | null} topic
 * @property {number} count how many it stands for
 * @property {Actor[]} [actors] the newest of those who did it, where it collapsed
 * @property {number} [actorCount] how many they are
 *
 * @typedef {{epoch: string, seq: number, unread: number, notifications: Notification[], user_id?: string}} Snapshot
 *   `user_id`: whose inbox it is
 *
 * @typedef {object} StoreOptions
 * @property {() => Promise<Snapshot>} loadSnapshot
 * @property {number} [limit] notifications kept
 * @property {boolean} [clearOnReconnect] show nothing while the connection is lost, and the snapshot when it is back
 * @property {number[]} [retrySeconds] delays after the snapshot could not be read; the last one is repeated
 * @property {(callback: () => void, milliseconds: number) => any} [setTimeout]
 */

import { Emitter } from "./emitter.js";

const LIMIT = 50;
const RETRY_SECONDS = [1, 2, 4, 8, 16];

/** @extends {Emitter<StoreEvents>} */
export class NotificationStore extends Emitter {
  /** @type {StoreOptions} */ #options;
  /** @type {Notification[]} */ #notifications = [];
  /** @type {Cursor | null} */ #cursor = null;
  /** @type {Frame[] | null} arrived since a reading of the snapshot began */ #held = null;
  /** @type {Cursor | null} what a socket asked the snapshot to reach */ #wanted = null;
  #unread = 0;
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
    this.#notifications = applied(this.#notifications, frame).slice(0, this.#options.limit ?? LIMIT);
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

  /** @param {number} failures */
  #pause(failures) {
    const delays = this.#options.retrySeconds ?? RETRY_SECONDS;
    const start = this.#options.setTimeout ?? ((callback, ms) => globalThis.setTimeout(callback, ms));
    const seconds = delays[Math.min(failures, delays.length - 1)];
    return new Promise((resolve) => start(() => resolve(undefined), seconds * 1000));
  }

  /**
   * Return a valid snapshot of the user who is connected; throw for anything else, such as the body of an error.
   * @param {Snapshot} answer
   */
  #checked(answer) {
    const { epoch, seq, unread, notifications, user_id: owner } = answer ?? {};
    const valid = typeof epoch === "string" && isCount(seq) && isCount(unread) && Array.isArray(notifications);
    if (!valid) throw new TypeError("loadSnapshot() did not return a snapshot: check the status of the answer, and throw");
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
  #accept({ epoch, seq, unread, notifications }) {
    this.#wanted = null;
    this.#cursor = { epoch, seq };
    this.#unread = unread;
    this.#notifications = notifications.slice(0, this.#options.limit ?? LIMIT);
    this.emit("change", { frame: null });
    this.#release();
  }

  /** Forget everything, a snapshot that is being read too. What follows is another user's. */
  #forget() {
    this.#reading += 1;
    this.#wanted = this.#cursor = null;
    this.#unread = 0;
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

/**
 * A list of notifications, newest first, after a frame; the list itself is left as it is.
 * @param {readonly Notification[]} notifications
 * @param {Frame} frame
 * @returns {Notification[]}
 */
export function applied(notifications, frame) {
  switch (frame.type) {
    case "NOTIFICATION_CREATED":
      return onTop(notifications, frame);
    case "NOTIFICATION_UPDATED": {
      if (isGrown(frame)) return onTop(notifications, frame);
      const { notificationId, isRead } = frame;
      return notifications.map((one) => (one.notificationId === notificationId ? { ...one, isRead } : one));
    }
    case "NOTIFICATIONS_READ":
      return notifications.map((one) => (isCovered(one, frame) ? { ...one, isRead: true } : one));
    case "NOTIFICATION_DELETED":
      return notifications.filter((one) => one.notificationId !== frame.notificationId);
    default:
      return [...notifications]; // a later protocol's: its seq and unread count all the same
  }
}

/** Whether one more collapsed into a notification: then the frame has all that is shown of it. @param {Frame} frame */
function isGrown(frame) {
  return frame.type === "NOTIFICATION_UPDATED" && frame.notificationType !== undefined;
}

/** @param {readonly Notification[]} notifications @param {Frame} frame */
function onTop(notifications, frame) {
  return [notificationOf(frame), ...notifications.filter((one) => one.notificationId !== frame.notificationId)];
}

/** @param {Notification} one @param {Frame} frame */
function isCovered(one, { through, topic, notificationType }) {
  return (
    one.seq <= through &&
    (topic === null || topic === one.topic) &&
    (notificationType === null || notificationType === one.notificationType)
  );
}

/** @param {Frame} frame @returns {Notification} */
function notificationOf({ type, unread, quiet, modified, ...notification }) {
  return /** @type {any} */ (notification);
}
