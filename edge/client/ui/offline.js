/** A line that says that an element is not live: offline, reconnecting, signed out or stopped. */

import { element } from "./dom.js";

/** A connection that is back this soon is not worth a line. */
const PATIENCE_MILLISECONDS = 3000;

/** Return the word of a state of the connection, or an empty text while nothing is wrong. @param {string} state */
export function disturbance(state) {
  if (state === "signed out") return "signedOut";
  if (state === "connected") return "";
  if (!navigator.onLine) return "offline";
  if (state === "error") return "stopped";
  return state === "reconnecting" ? "reconnecting" : "";
}

/**
 * Call with the word of each disturbance, and with an empty text when it is over. Reconnecting counts after a moment.
 * @param {import("./live.js").LiveInbox} inbox @param {(word: string) => void} changed @param {AbortSignal} signal
 */
export function watchConnection(inbox, changed, signal) {
  /** @type {any} */
  let timer = null;
  const look = () => {
    clearTimeout(timer);
    const word = disturbance(inbox.state);
    if (word === "reconnecting") timer = setTimeout(() => changed(word), PATIENCE_MILLISECONDS);
    else changed(word);
  };
  inbox.addEventListener("state", look, { signal });
  for (const type of ["online", "offline"]) addEventListener(type, look, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  look();
}

/** @param {import("./live.js").LiveInbox} inbox @param {import("./words.js").Words} words @param {AbortSignal} signal */
export function offlineLine(inbox, words, signal) {
  const line = element("p", { part: "offline", role: "status" });
  watchConnection(inbox, (word) => (line.textContent = word && words.say(word)), signal);
  return line;
}
