/** The page of a thread: new replies are announced, and "Reply" answers in place. */

import { isReply } from "./kinds.js";
import { store } from "./live.js";

const topic = document.body.dataset.topic;
const form = document.getElementById("reply"); // none where the thread takes no replies
const hint = document.getElementById("new-replies");
const seen = new Set(Array.from(document.querySelectorAll(".message"), (message) => message.id));
const fresh = new Set();

function announce({ detail: { notification } }) {
  const { messageId } = notification;
  if (notification.topic !== topic || !isReply(notification) || seen.has(`message-${messageId}`)) return;
  fresh.add(messageId);
  const link = hint.querySelector("a");
  link.href = `/messages/${Math.min(...Array.from(fresh, Number))}/`;
  link.textContent = fresh.size === 1 ? "A new reply has arrived. Show it" : `${fresh.size} new replies. Show them`;
  hint.hidden = false;
}
for (const type of ["created", "grown"]) store.addEventListener(type, announce);

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
  if (!link || !form || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  replyTo(link.dataset.replyTo, link.dataset.author);
});
form?.querySelector("[data-replying-stop]").addEventListener("click", (event) => {
  event.preventDefault();
  replyTo("", "");
});
form?.elements.body.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
