/**
 * Notifications of some kinds that have just arrived, kept until somebody has shown them.
 *
 * Enters: a store, the kinds, and for what one tab alone should show the connection that the tabs share. Leaves:
 * `notifications`, oldest first, and the event `change`. What came in a storm (`quiet`) or is read is left out.
 *
 * @typedef {import("./store.js").Notification} Notification
 */

export class Arrivals extends EventTarget {
  /** @type {EventTarget} */ #store;
  /** @type {Set<string>} */ #kinds;
  /** @type {{claim?: (key: string) => Promise<boolean>} | null} */ #tabs;
  /** @type {readonly Notification[]} */ #notifications = [];

  /** @param {EventTarget} store @param {readonly string[]} kinds @param {{claim?: (key: string) => Promise<boolean>} | null} [tabs] */
  constructor(store, kinds, tabs = null) {
    super();
    this.#store = store;
    this.#kinds = new Set(kinds);
    this.#tabs = tabs;
  }

  /** Replaced, never changed. */
  get notifications() {
    return this.#notifications;
  }

  /** Listen; the answer stops listening. */
  listen() {
    const heard = (/** @type {any} */ { detail }) => void this.#arrived(detail);
    this.#store.addEventListener("created", heard);
    return () => this.#store.removeEventListener("created", heard);
  }

  /** They have been shown. */
  clear = () => {
    if (this.#notifications.length > 0) this.#set([]);
  };

  /** @param {{notification: Notification, quiet: boolean}} arrival */
  async #arrived({ notification, quiet }) {
    if (quiet || notification.isRead || !this.#kinds.has(notification.notificationType)) return;
    if (this.#tabs?.claim && !(await this.#tabs.claim(`shown:${notification.notificationId}`))) return;
    this.#set([...this.#notifications, notification]);
  }

  /** @param {readonly Notification[]} notifications */
  #set(notifications) {
    this.#notifications = notifications;
    this.dispatchEvent(new CustomEvent("change"));
  }
}
