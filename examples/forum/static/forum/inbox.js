/** The inbox page: all notifications, page by page, following the same frames as the bell. */

import { applied } from "../store.js";
import * as api from "./api.js";
import { beforePaint } from "./dom.js";
import { NotificationList } from "./list.js";
import { act, store } from "./live.js";

const place = document.getElementById("inbox");
const find = (name) => place.querySelector(`[data-${name}]`);
const [listPlace, empty, trouble, more, readAll] = ["list", "empty", "trouble", "more", "read-all"].map(find);
const tabs = [...place.querySelectorAll("[data-show]")];
const list = new NotificationList(listPlace);

let unreadOnly = false;
let notifications = [];
let next = null;
/** Counts first pages: an answer to an earlier one is ignored. */
let reading = 0;
/** Frames that arrive while a page is being read; applied after it. */
let held = null;

const show = beforePaint(() => {
  list.show(unreadOnly ? notifications.filter((one) => !one.isRead) : notifications);
  more.hidden = next === null;
  readAll.hidden = store.unread === 0;
  empty.hidden = held !== null || next !== null || listPlace.children.length > 0;
  empty.textContent = unreadOnly
    ? "You have read everything."
    : "Nothing yet. When somebody answers or mentions you, it appears here.";
});

/** @param {string} [before] */
async function readPage(before) {
  const mine = before === undefined ? ++reading : reading;
  held ??= [];
  listPlace.setAttribute("aria-busy", "true");
  try {
    const page = await api.notifications({ before, is_read: unreadOnly ? false : undefined });
    if (mine !== reading) return;
    const kept = before === undefined ? [] : notifications;
    const known = new Set(kept.map((one) => one.notificationId));
    notifications = [...kept, ...page.items.filter((one) => !known.has(one.notificationId))];
    next = page.next;
    trouble.hidden = true;
  } catch {
    if (mine !== reading) return;
    tellTrouble();
  }
  for (const frame of held) follow(frame);
  held = null;
  listPlace.removeAttribute("aria-busy");
  show();
}

function tellTrouble() {
  trouble.textContent = "The list could not be read. Try again in a moment.";
  trouble.hidden = false;
}

function follow(frame) {
  notifications = applied(notifications, frame);
}

store.addEventListener("change", ({ detail: { frame } }) => {
  if (frame === null) return void readPage(); // a snapshot, the first one too: frames go on from it
  if (held) held.push(frame);
  else follow(frame);
  show();
});
store.addEventListener("trouble", tellTrouble);
for (const tab of tabs) {
  tab.addEventListener("click", () => {
    unreadOnly = tab.dataset.show === "unread";
    for (const other of tabs) other.setAttribute("aria-pressed", String(other === tab));
    void readPage();
  });
}
more.addEventListener("click", () => void readPage(next));
readAll.addEventListener("click", () => {
  tabs[0].focus();
  void act(api.readAll({ through: store.cursor?.seq }));
});
