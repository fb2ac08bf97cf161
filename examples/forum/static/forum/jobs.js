/** Pages of jobs: when one is done, what the page says of jobs is read anew. */

import { beforePaint } from "./dom.js";
import { act, api, store } from "./live.js";
import { tellAll } from "./times.js";

const { topic } = document.body.dataset;

const refresh = beforePaint(async () => {
  const through = store.cursor?.seq;
  const response = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
  if (!response.ok || response.redirected) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.querySelector("[data-jobs]");
  const shown = document.querySelector("[data-jobs]");
  if (!fresh) return;
  const hadFocus = shown.contains(document.activeElement);
  shown.replaceWith(fresh);
  if (hadFocus) document.getElementById("content").focus({ preventScroll: true });
  tellAll();
  if (topic) void act(api.readAll({ topic, through })); // it is on the page now
});

const concerns = (notification) => {
  const about = notification.topic ?? "";
  return topic ? about === topic : /^forum\.(document|export):/.test(about);
};
store.addEventListener("created", ({ detail: { notification } }) => concerns(notification) && refresh());
store.addEventListener("change", ({ detail: { frame } }) => {
  // What was done between the page and the snapshot comes with no frame.
  if (frame === null && document.querySelector('.state[data-state="waiting"]')) refresh();
});
