/**
 * The notifications of one tab of a list, page by page, following the frames of a store.
 *
 * The first page of "all" is that of the store; other tabs and older pages are read over HTTP. Frames that arrive while
 * a page is being read are applied after it. A long list is cut where frames make it longer than the pages that were
 * read.
 *
 * @typedef {import("../store.js").Notification} Notification
 * @typedef {import("../protocol.js").Frame} Frame
 */

import { applied } from "../applied.js";
import { Emitter } from "../emitter.js";
import { PAGE } from "./api.js";

export const ALL = "all";
export const UNREAD = "unread";

/** @extends {Emitter<{change: null}>} */
export class Pages extends Emitter {
  /** @type {readonly Notification[]} newest first */ rows = [];
  /** Whether there may be older ones. */ more = false;
  /** Whether a page is being read. */ busy = true;
  /** Whether the last page could not be read. */ failed = false;
  /** A kind, or one of the above. */ tab = ALL;
  /** @type {import("../store.js").NotificationStore} */ #store;
  /** @type {{page: (query: any) => Promise<{items: Notification[], next: string | null}>}} */ #api;
  /** Counts first pages: an answer to an earlier one is ignored. */ #reading = 0;
  /** @type {Frame[] | null} */ #held = null;
  #pages = 1;

  /** @param {import("../store.js").NotificationStore} store @param {any} api */
  constructor(store, api) {
    super();
    this.#store = store;
    this.#api = api;
  }

  /** Follow the store until the signal. @param {AbortSignal} signal */
  listen(signal) {
    const changed = (/** @type {any} */ { detail: { frame } }) => {
      if (frame === null) return this.show(this.tab); // a snapshot, or another user
      if (this.#held) this.#held.push(frame);
      else this.#follow(frame);
      this.emit("change", null);
    };
    const trouble = () => {
      if (this.#store.cursor) return;
      this.failed = true;
      this.emit("change", null);
    };
    this.#store.addEventListener("change", changed, { signal });
    this.#store.addEventListener("trouble", trouble, { signal });
    this.show(this.tab);
  }

  /** Show the first page of a tab. @param {string} tab */
  show(tab) {
    if (tab !== this.tab) this.rows = [];
    this.tab = tab;
    if (tab !== ALL) return void this.#read();
    this.#reading += 1;
    this.#held = null;
    this.#pages = 1;
    this.rows = this.#store.notifications;
    this.more = this.rows.length >= this.#store.limit;
    this.busy = this.#store.cursor === null;
    this.failed = false;
    this.emit("change", null);
  }

  /** Read the next page, or again the one that failed. */
  older() {
    const last = this.rows.at(-1);
    if (this.failed && !this.#store.cursor) void this.#store.load().catch(() => null);
    else if (this.failed && !last) void this.#read();
    else if (last && !this.busy) void this.#read(last.seq);
  }

  /** @param {number} [before] */
  async #read(before) {
    const reading = before === undefined ? ++this.#reading : this.#reading;
    this.#held ??= [];
    this.busy = true;
    this.failed = false;
    this.emit("change", null);
    const { tab } = this;
    const filter = { is_read: tab === UNREAD ? false : undefined, kind: isKind(tab) ? tab : undefined };
    try {
      const { items, next } = await this.#api.page({ before, ...filter });
      if (reading !== this.#reading) return;
      const kept = before === undefined ? [] : this.rows;
      const known = new Set(kept.map((one) => one.notificationId));
      this.rows = [...kept, ...items.filter((one) => !known.has(one.notificationId))];
      this.more = next !== null;
      this.#pages = before === undefined ? 1 : this.#pages + 1;
    } catch {
      if (reading !== this.#reading) return;
      this.failed = true;
    }
    this.busy = false;
    const held = this.#held ?? [];
    this.#held = null;
    for (const frame of held) this.#follow(frame);
    this.emit("change", null);
  }

  /** @param {Frame} frame */
  #follow(frame) {
    const returns = frame.isRead === false && frame.notificationType === undefined && this.tab === UNREAD;
    if (returns && !this.rows.some((one) => one.notificationId === frame.notificationId)) return void this.#read();
    const after = applied(this.rows, frame).filter((one) => this.#belongs(one));
    this.rows = after.slice(0, this.#pages * PAGE);
    this.more ||= after.length > this.rows.length;
  }

  /** @param {Notification} one */
  #belongs({ isRead, notificationType }) {
    if (this.tab === ALL) return true;
    return this.tab === UNREAD ? !isRead : notificationType === this.tab;
  }
}

/** @param {string} tab */
export function isKind(tab) {
  return tab !== ALL && tab !== UNREAD;
}
