/** The card that breaks parts of the stack: its buttons, and the live counts, which go on while a part is away. */

import { element } from "./dom.js";

const LOOK_MILLISECONDS = 300;
/** Screen readers read the sentence again when a part changes, and otherwise at most this often. */
const SENTENCE_MILLISECONDS = 5000;

const NAMES = { "worker-live": "Worker", valkey: "Redis (Valkey)", edge: "Edge", postgres: "Postgres" };
const AWAY = { down: "is away", starting: "is starting", frozen: "is frozen" };
const PHASES = {
  connecting: () => "The users are connecting.",
  recording: (/** @type {any} */ load) => `The load runs for ${load.seconds_left} more seconds.`,
  waiting: () => "The load has ended; some notifications are still on the way.",
  done: () => "The load has ended.",
  cut: () => "The load was stopped before its end.",
};

const card = /** @type {HTMLElement} */ (document.querySelector(".break-it"));
const find = (/** @type {string} */ name) => card.querySelector(`[data-${name}]`);
const buttons = /** @type {HTMLButtonElement[]} */ ([...card.querySelectorAll("[data-request]")]);
const sentence = find("sentence");
const refusal = find("refusal");
/** The button of the last refusal, which is shown until that button works again. */
let pressed = null;
let saidFor = "";
let saidAt = 0;

/** Ask for the state, show it, and ask again, whatever happens. */
async function look() {
  try {
    const answer = await fetch(card.dataset.status, { headers: { "X-Pass": card.dataset.pass } });
    const state = await answer.json();
    if (answer.ok) show(state);
    else say(state.detail, state.detail);
  } catch {
    say("The web app does not answer. This page asks again.", "no answer");
  }
  setTimeout(look, LOOK_MILLISECONDS);
}

/** @param {{ parts: any[], load: any, load_runs: boolean }} state */
function show({ parts, load, load_runs: runs }) {
  for (const [name, count] of Object.entries(load ?? {})) {
    const cell = card.querySelector(`[data-count="${name}"]`);
    if (!cell) continue;
    cell.textContent = String(count);
    cell.parentElement.toggleAttribute("data-broken", count > 0 && cell.parentElement.hasAttribute("data-promise"));
  }
  find("parts").replaceChildren(
    ...parts.map(({ name, state }) =>
      element(
        "tr",
        {},
        element("th", { scope: "row" }, NAMES[name]),
        element("td", {}, element("span", { class: "state", "data-part": name, "data-state": state }, state)),
      ),
    ),
  );
  for (const button of buttons) {
    const part = parts.find((one) => button.dataset.request.endsWith(one.name));
    const refused = part ? part.busy || part.state !== "up" : runs;
    if (button === pressed && !refused) refusal.textContent = "";
    // Not `disabled`, which would drop the focus: the server refuses with a sentence.
    button.setAttribute("aria-disabled", String(refused));
  }
  const away = parts.filter((one) => one.state !== "up").map((one) => `${NAMES[one.name]} ${AWAY[one.state]}.`);
  const phase = load ? PHASES[runs || load.phase === "done" ? load.phase : "cut"](load) : "No load is running.";
  const counts = load ? ` ${load.delivered} of ${load.recorded} delivered, ${load.lost} lost.` : "";
  say([...away, phase].join(" ") + counts, [...away, load?.phase, runs].join());
}

/** @param {string} text @param {string} subject of the sentence: with another one it is shown immediately */
function say(text, subject) {
  if (subject === saidFor && performance.now() - saidAt < SENTENCE_MILLISECONDS) return;
  saidFor = subject;
  saidAt = performance.now();
  if (sentence.textContent !== text) sentence.textContent = text;
}

/** @param {HTMLButtonElement} button */
async function press(button) {
  pressed = null;
  refusal.textContent = "";
  try {
    const answer = await fetch(card.dataset.break, {
      method: "POST",
      headers: {
        "X-CSRFToken": /** @type {HTMLInputElement} */ (card.querySelector("[name=csrfmiddlewaretoken]")).value,
        Accept: "application/json",
      },
      body: new URLSearchParams({ what: button.dataset.request }),
    });
    if (answer.ok) return button.setAttribute("aria-disabled", "true");
    refusal.textContent = (await answer.json()).detail;
    pressed = button;
  } catch {
    refusal.textContent = "The web app does not answer: try again in a moment.";
  }
}

for (const button of buttons) button.addEventListener("click", () => void press(button));
if (buttons.length) void look();
