/** Toasts: what has just arrived, for a few seconds, announced politely to screen readers. */

import * as api from "./api.js";
import { element, icon } from "./dom.js";
import { read } from "./kinds.js";
import { act, store } from "./live.js";

const SHOWN_MILLISECONDS = 7000;

/** More at once would hide the page; the bell has them all. */
const AT_ONCE = 3;

export function raiseToasts() {
  const place = document.getElementById("toasts");
  const here = document.body.dataset.topic;
  store.addEventListener("created", ({ detail: { notification } }) => {
    // On the page of the thread itself a hint is shown instead (thread.js).
    if (notification.isRead || document.hidden || (here && notification.topic === here)) return;
    while (place.children.length >= AT_ONCE) place.firstElementChild.remove();
    place.append(toastOf(notification));
  });
}

function toastOf(notification) {
  const { icon: name, who, does, about, excerpt, address } = read(notification);
  const link = element(
    "a",
    { class: "toast-link", href: address },
    element("span", { class: "note-icon" }, icon(name)),
    element(
      "span",
      { class: "note-text" },
      element("span", { class: "note-title" }, element("strong", {}, who), ` ${does} `, element("strong", {}, about)),
      excerpt ? element("span", { class: "note-excerpt" }, excerpt) : null,
    ),
  );
  const close = element("button", { type: "button", class: "icon-button small", "aria-label": "Dismiss" }, icon("close"));
  const toast = element("div", { class: "toast" }, link, close);

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
