/** A page about something (`data-topic`): opening it reads the notifications about it, up to those it can show. */

import { act, api, store } from "./live.js";

const { topic } = document.body.dataset;
/** Whether something came that this page does not show yet. */
let fresh = false;

const arrived = ({ detail: { notification } }) => {
  fresh ||= notification.topic === topic;
};
for (const type of ["created", "grown"]) store.addEventListener(type, arrived);

store.addEventListener("change", function first({ detail }) {
  if (detail.frame !== null) return;
  store.removeEventListener("change", first);
  if (store.unread > 0 && !fresh) void act(api.readAll({ topic, through: store.cursor?.seq }));
});
