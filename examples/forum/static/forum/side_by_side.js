/** Two inboxes on one page: each half has its person's token, store and connection. */

import { NotificationSocket, socketUrl } from "../clarion/notifications.js";
import { NotificationStore } from "../clarion/store.js";
import { beforePaint, element } from "./dom.js";
import { faceOf } from "./note.js";

/** More would push the other half out of sight. */
const SHOWN = 6;

const { edge, csrf } = document.getElementById("pair").dataset;

/** @param {string} url @param {Record<string, string>} [fields] */
async function post(url, fields = {}) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "X-CSRFToken": csrf, Accept: "application/json" },
    body: new URLSearchParams(fields),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail ?? `the server answered ${answer.status}`);
  return said;
}

/** @param {HTMLElement} half */
async function show(half) {
  const { token: tokenUrl, say, user } = half.dataset;
  const find = (/** @type {string} */ name) => half.querySelector(`[data-${name}]`);
  const getToken = async () => (await post(tokenUrl)).token;
  const store = new NotificationStore({
    limit: SHOWN,
    loadSnapshot: async () => {
      const answer = await fetch("/api/inbox", {
        headers: { Authorization: `Bearer ${await getToken()}` },
        credentials: "omit",
      });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      return answer.json();
    },
  });
  let sentAt = 0;

  const draw = beforePaint(() => {
    find("unread").textContent = String(store.unread);
    const rows = store.notifications.map((one) => {
      const { address, face } = faceOf(one);
      return element("li", { class: "note" }, element("a", { class: "note-link", href: address }, ...face));
    });
    find("list").replaceChildren(...rows);
  });
  store.addEventListener("change", draw);
  await store.load().catch(() => null);
  const socket = new NotificationSocket(socketUrl(edge), {
    getToken,
    userId: user,
    since: store.cursor?.seq,
    epoch: store.cursor?.epoch,
  });
  store.attach(socket);
  socket.addEventListener("statechange", ({ detail }) => (find("connection").textContent = detail.state));
  socket.connect();

  half.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    sentAt = performance.now();
    try {
      await post(say, { body: form.body.value });
      form.reset();
      find("took").textContent = "";
    } catch (error) {
      find("took").textContent = error.message;
    }
  });
  return { store, sentAt: () => sentAt, told: (/** @type {string} */ text) => (find("took").textContent = text) };
}

const halves = await Promise.all([...document.querySelectorAll(".half")].map(show));
for (const [place, half] of halves.entries()) {
  const other = halves[1 - place];
  for (const type of ["created", "grown"]) {
    half.store.addEventListener(type, ({ detail: { notification } }) => {
      if (notification.notificationType !== "MENTION" || !other.sentAt()) return;
      other.told(`Received after ${Math.round(performance.now() - other.sentAt())} ms.`);
    });
  }
}
