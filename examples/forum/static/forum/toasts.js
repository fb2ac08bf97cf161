/**
 * Toasts: what has just arrived, for a few seconds, in one tab, announced politely to screen readers. A badge is
 * celebrated.
 */

import { element, icon } from "./dom.js";
import { isReply } from "./kinds.js";
import { act, api, mayAnnounce, store } from "./live.js";
import { faceOf } from "./note.js";

const SHOWN_MILLISECONDS = 7000;

/** More at once would hide the page; the bell has them all. */
const AT_ONCE = 3;

export function raiseToasts() {
  const place = document.getElementById("toasts");
  const here = document.body.dataset.topic;

  async function raise({ detail: { notification, quiet } }) {
    // On the page of the thread itself a hint is shown instead (thread.js).
    const hinted = here === notification.topic && isReply(notification);
    if (quiet || notification.isRead || document.hidden || hinted || !(await mayAnnounce(notification))) return;
    const id = notification.notificationId;
    for (const toast of [...place.children]) if (toast.dataset.notification === id) toast.remove();
    while (place.children.length >= AT_ONCE) place.firstElementChild.remove();
    place.append(toastOf(notification));
  }

  document.getElementById("bell").addEventListener("clarion-toggle", () => place.replaceChildren()); // the panel says it all
  for (const type of ["created", "grown"]) store.addEventListener(type, raise);
}

function toastOf(notification) {
  const { address, face } = faceOf(notification);
  const link = element("a", { class: "toast-link", href: address }, ...face);
  const close = element(
    "button",
    { type: "button", class: "icon-button small", "aria-label": "Dismiss" },
    icon("close"),
  );
  const celebrated = notification.notificationType === "BADGE" ? " celebrated" : "";
  const toast = element(
    "div",
    { class: `toast${celebrated}`, "data-notification": notification.notificationId },
    link,
    close,
  );

  let timer = 0;
  const wait = () => (timer = setTimeout(() => toast.remove(), SHOWN_MILLISECONDS));
  const stay = () => clearTimeout(timer);
  for (const type of ["pointerenter", "focusin"]) toast.addEventListener(type, stay);
  for (const type of ["pointerleave", "focusout"]) toast.addEventListener(type, () => (stay(), wait()));
  close.addEventListener("click", () => toast.remove());
  link.addEventListener("click", () => void act(api.setRead(notification.notificationId, true)));
  wait();
  return toast;
}
