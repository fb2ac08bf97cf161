/** The page of a thread: what it notified of is read now; new replies are announced; "Reply" answers in place. */

import * as api from "./api.js";
import { act, store } from "./live.js";

const topic = document.body.dataset.topic;
const form = document.getElementById("reply");
const hint = document.getElementById("new-replies");
const seen = new Set(Array.from(document.querySelectorAll(".message"), (message) => message.id));
const fresh = new Set();

/** Opening a thread reads its notifications, up to those this page can show. */
function readTopic() {
  if (store.unread > 0 && fresh.size === 0) void act(api.readAll({ topic, through: store.cursor?.seq }));
}

store.addEventListener("change", function first({ detail }) {
  if (detail.frame === null) {
    store.removeEventListener("change", first);
    readTopic();
  }
});

store.addEventListener("created", ({ detail: { notification } }) => {
  if (notification.topic !== topic || seen.has(`message-${notification.messageId}`)) return;
  fresh.add(notification.messageId);
  const link = hint.querySelector("a");
  link.href = `/messages/${Math.min(...Array.from(fresh, Number))}/`;
  link.textContent = fresh.size === 1 ? "A new reply has arrived. Show it" : `${fresh.size} new replies. Show them`;
  hint.hidden = false;
});

/** @param {string} parent id of a message, or "" for none @param {string} author */
function replyTo(parent, author) {
  form.elements.parent.value = parent;
  form.querySelector("[data-replying]").hidden = !parent;
  form.querySelector("[data-replying-to]").textContent = author;
  form.elements.body.focus();
  form.scrollIntoView({ block: "center", behavior: "auto" });
}

document.querySelector(".messages").addEventListener("click", (event) => {
  const link = event.target.closest("[data-reply-to]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  replyTo(link.dataset.replyTo, link.dataset.author);
});
form.querySelector("[data-replying-stop]").addEventListener("click", (event) => {
  event.preventDefault();
  replyTo("", "");
});
form.elements.body.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
