/**
 * Notifications of some kinds that have just arrived, kept until they were shown.
 *
 * `notifications` are oldest first; `change` follows each change of them. Those of a storm (`quiet`) and those that are
 * read are left out. With the connection that tabs share, a notification arrives in one tab only.
 *
 * @typedef {import("./store.js").Notification} Notification
 */

import { Emitter } from "./emitter.js";

/** @extends {Emitter<{change: null}>} */
export class Arrivals extends Emitter {
  /** @type {import("./connection.js").Listenable} */ #store;
  /** @type {Set<string>} */ #kinds;
  /** @type {{claim?: (key: string) => Promise<boolean>} | null} */ #tabs;
  /** @type {readonly Notification[]} */ #notifications = [];

  /** @param {import("./connection.js").Listenable} store @param {readonly string[]} kinds @param {{claim?: (key: string) => Promise<boolean>} | null} [tabs] */
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

  /** Listen to the store; return a function that stops. */
  listen() {
    const heard = (/** @type {any} */ { detail }) => void this.#arrived(detail);
    this.#store.addEventListener("created", heard);
    return () => this.#store.removeEventListener("created", heard);
  }

  /** Note that all of them have been shown. */
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
    this.emit("change", null);
  }
}
