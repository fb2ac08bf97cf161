/**
 * A list of notifications on the page: follows an array, touches only what changed, and keeps the focus.
 *
 * @typedef {import("../store.js").Notification} Notification
 */

import * as api from "./api.js";
import { element, icon } from "./dom.js";
import { read, sentence } from "./kinds.js";
import { act } from "./live.js";
import { tell } from "./times.js";

export class NotificationList {
  /** @type {Map<string, {row: HTMLElement, shown: Notification}>} */ #rows = new Map();
  #list;

  /** @param {HTMLElement} list a `ul` */
  constructor(list) {
    this.#list = list;
  }

  /** @param {readonly Notification[]} notifications newest first */
  show(notifications) {
    const kept = new Set(notifications.map((one) => one.notificationId));
    for (const [id, { row }] of this.#rows) {
      if (!kept.has(id)) this.#forget(id, row);
    }
    let place = this.#list.firstElementChild;
    for (const notification of notifications) {
      const row = this.#row(notification);
      if (row === place) place = place.nextElementSibling;
      else this.#list.insertBefore(row, place);
    }
  }

  /** @param {Notification} notification */
  #row(notification) {
    const known = this.#rows.get(notification.notificationId);
    if (known?.shown === notification) return known.row;
    const row = known?.row ?? rowOf(notification);
    mark(row, notification);
    this.#rows.set(notification.notificationId, { row, shown: notification });
    return row;
  }

  /** @param {string} id @param {HTMLElement} row */
  #forget(id, row) {
    this.#rows.delete(id);
    if (row.contains(document.activeElement)) {
      const near = row.nextElementSibling ?? row.previousElementSibling;
      (near?.querySelector("a") ?? this.#list).focus();
    }
    row.remove();
  }
}

/** @param {Notification} notification */
function rowOf(notification) {
  const { notificationId: id, createdAt, count } = notification;
  const { icon: name, who, does, about, excerpt, address } = read(notification);
  const time = element("time", { datetime: createdAt, "data-relative": true });
  tell(/** @type {HTMLTimeElement} */ (time));

  const link = element(
    "a",
    { class: "note-link", href: address },
    element("span", { class: "note-icon" }, icon(name)),
    element(
      "span",
      { class: "note-text" },
      element("span", { class: "hidden", "data-state": true }),
      element("span", { class: "note-title" }, ...parts(who, does, about), count > 1 ? ` (${count})` : null),
      excerpt ? element("span", { class: "note-excerpt" }, excerpt) : null,
      time,
    ),
  );
  const toggle = element("button", { type: "button", class: "icon-button small", "data-toggle": true });
  const discard = element(
    "button",
    { type: "button", class: "icon-button small", title: "Delete", "aria-label": `Delete: ${sentence(notification)}` },
    icon("delete"),
  );
  const row = element("li", { class: "note" }, link, element("div", { class: "note-actions" }, toggle, discard));

  const isRead = () => !row.hasAttribute("data-unread");
  link.addEventListener("click", () => isRead() || void act(api.setRead(id, true)));
  toggle.addEventListener("click", () => void act(api.setRead(id, !isRead())));
  discard.addEventListener("click", () => void act(api.remove(id)));
  return row;
}

/** "ann replied to you in Bread", with who and what about set strong. */
function parts(who, does, about) {
  return [who ? element("strong", {}, who) : null, who ? ` ${does} ` : `${does} `, about ? element("strong", {}, about) : null];
}

/** Show whether it was read. @param {HTMLElement} row @param {Notification} notification */
function mark(row, notification) {
  const { isRead } = notification;
  row.toggleAttribute("data-unread", !isRead);
  row.querySelector("[data-state]").textContent = isRead ? "" : "Unread: ";
  const toggle = row.querySelector("[data-toggle]");
  toggle.replaceChildren(icon(isRead ? "dot" : "check"));
  toggle.title = isRead ? "Mark unread" : "Mark read";
  toggle.setAttribute("aria-label", `${toggle.title}: ${sentence(notification)}`);
}
