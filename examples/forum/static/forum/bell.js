/** The bell in the header: the unread count, and a panel with the newest notifications that fills as things happen. */

import * as api from "./api.js";
import { beforePaint } from "./dom.js";
import { NotificationList } from "./list.js";
import { act, store } from "./live.js";

/** More is not worth reading (the panel's rows). */
const SHOWN = 20;

export function hangBell() {
  const bell = document.getElementById("bell");
  const button = bell.querySelector(".bell-button");
  const badge = bell.querySelector(".badge");
  const panel = bell.querySelector(".panel");
  const readAll = bell.querySelector("[data-read-all]");
  const empty = bell.querySelector("[data-empty]");
  const list = new NotificationList(bell.querySelector("[data-list]"));
  const title = document.title;

  const show = beforePaint(() => {
    const { unread } = store;
    badge.textContent = unread > 99 ? "99+" : String(unread);
    badge.hidden = readAll.hidden = unread === 0;
    button.setAttribute("aria-label", unread ? `Notifications, ${unread} unread` : "Notifications");
    document.title = unread ? `(${badge.textContent}) ${title}` : title;
    empty.hidden = store.notifications.length > 0;
    if (!panel.hidden) list.show(store.notifications.slice(0, SHOWN));
  });

  /** @param {boolean} open */
  function toggle(open) {
    panel.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    if (!open) return;
    list.show(store.notifications.slice(0, SHOWN));
    document.getElementById("toasts").replaceChildren(); // the panel says it all
  }

  store.addEventListener("change", show);
  const ring = ({ detail: { quiet } }) => {
    if (quiet) return;
    bell.classList.remove("ringing");
    void bell.offsetWidth; // start the animation anew
    bell.classList.add("ringing");
  };
  for (const type of ["created", "grown"]) store.addEventListener(type, ring);
  button.addEventListener("click", () => toggle(panel.hidden));
  readAll.addEventListener("click", () => {
    button.focus();
    void act(api.readAll({ through: store.cursor?.seq }));
  });
  document.addEventListener("click", ({ target }) => {
    // What a click has just removed from the list was inside.
    if (!panel.hidden && target instanceof Node && target.isConnected && !bell.contains(target)) toggle(false);
  });
  bell.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget instanceof Node && !bell.contains(relatedTarget)) toggle(false);
  });
  bell.addEventListener("keydown", ({ key }) => {
    if (key === "Escape" && !panel.hidden) {
      toggle(false);
      button.focus();
    }
  });
}
