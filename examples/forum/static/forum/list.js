/**
 * A list of notifications on the page: follows an array, touches only what changed, and keeps the focus.
 *
 * @typedef {import("../store.js").Notification} Notification
 */

import * as api from "./api.js";
import { element, icon } from "./dom.js";
import { sentence } from "./kinds.js";
import { act } from "./live.js";
import { faceOf } from "./note.js";
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
    const focused = this.#list.contains(document.activeElement) ? document.activeElement : null;
    let place = this.#list.firstElementChild;
    for (const notification of notifications) {
      const row = this.#rowOrName(notification);
      if (row === place) place = place.nextElementSibling;
      else this.#list.insertBefore(row, place);
    }
    // A row that moved has lost it.
    if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
  }

  /** The row; only the kind where it cannot be rendered, so that the others are shown. @param {Notification} notification */
  #rowOrName(notification) {
    try {
      return this.#row(notification);
    } catch (error) {
      console.warn("A notification cannot be rendered:", notification.notificationId, error);
      const row = element("li", { class: "note" }, String(notification.notificationType));
      this.#rows.get(notification.notificationId)?.row.remove();
      this.#rows.set(notification.notificationId, { row, shown: notification });
      return row;
    }
  }

  /** @param {Notification} notification */
  #row(notification) {
    const known = this.#rows.get(notification.notificationId);
    if (known?.shown === notification) return known.row;
    const row = known?.row ?? rowOf(notification);
    if (known?.shown.seq !== notification.seq) write(row, notification);
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
function rowOf({ notificationId: id }) {
  const link = element("a", { class: "note-link" });
  const toggle = element("button", { type: "button", class: "icon-button small", "data-toggle": true });
  const discard = element(
    "button",
    { type: "button", class: "icon-button small", title: "Delete", "data-discard": true },
    icon("delete"),
  );
  const mute = element("button", { type: "button", class: "icon-button small", "data-mute": true, hidden: true }, icon("mute"));
  const row = element("li", { class: "note" }, link, element("div", { class: "note-actions" }, toggle, mute, discard));

  const isRead = () => !row.hasAttribute("data-unread");
  link.addEventListener("click", () => isRead() || void act(api.setRead(id, true)));
  toggle.addEventListener("click", () => void act(api.setRead(id, !isRead())));
  discard.addEventListener("click", () => void act(api.remove(id)));
  mute.addEventListener("click", async () => {
    mute.disabled = true; // it is heard again on the thread's page, or in the settings
    await act(api.mute(row.dataset.topic));
    mute.title = "Muted. It is heard again on the page “What you hear of”";
    mute.setAttribute("aria-label", mute.title);
  });
  return row;
}

/** Write what it says, which changes when one more collapses into it. @param {HTMLElement} row @param {Notification} notification */
function write(row, notification) {
  const { address, face, text } = faceOf(notification);
  const time = element("time", { datetime: notification.createdAt, "data-relative": true });
  tell(/** @type {HTMLTimeElement} */ (time));
  text.prepend(element("span", { class: "hidden", "data-state": true }));
  text.append(time);
  const link = row.querySelector(".note-link");
  link.href = address;
  link.replaceChildren(...face);
  const mute = row.querySelector("[data-mute]");
  row.dataset.topic = notification.topic ?? "";
  mute.hidden = !/^forum\.thread:/.test(row.dataset.topic);
  if (!mute.disabled) {
    mute.title = "Hear no more of this thread";
    mute.setAttribute("aria-label", `Hear no more of the thread: ${sentence(notification)}`);
  }
  row.querySelector("[data-discard]").setAttribute("aria-label", `Delete: ${sentence(notification)}`);
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
