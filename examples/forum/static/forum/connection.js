/** The connection indicator: one word, one colour, and a plain sentence for whoever asks. */

import { watchConnection } from "./live.js";

const STATES = {
  connecting: ["Connecting", "Connecting to live updates."],
  connected: ["Live", "Connected: notifications arrive immediately."],
  reconnecting: ["Reconnecting", "The connection was lost. Reconnecting; you will not miss a notification."],
  offline: ["Offline", "You are offline. Notifications arrive when you are back online."],
  "signed out": ["Signed out", "You are signed out. Reload the page to sign in again."],
  stopped: ["Stopped", "Live updates have stopped. Reload the page, and sign in again if you are asked to."],
};

/** A connection that is back this soon was not worth a word to a screen reader. */
const SPOKEN_AFTER_MILLISECONDS = 3000;

export function indicateConnection() {
  const place = document.getElementById("connection");
  const label = place.querySelector(".connection-label");
  const spoken = place.querySelector("[data-sentence]");
  let state = "connecting";
  let last = "connected";
  let timer = 0;

  function show() {
    const away = state === "disconnected" || (["connecting", "reconnecting"].includes(state) && !navigator.onLine);
    const shown = away ? "offline" : state === "error" ? "stopped" : state;
    const [word, sentence] = STATES[shown];
    place.dataset.state = shown;
    place.title = sentence;
    label.textContent = word;
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (shown === last || shown === "connecting") return;
      spoken.textContent = sentence;
      last = shown;
    }, SPOKEN_AFTER_MILLISECONDS);
  }

  watchConnection((changed) => {
    state = changed;
    show();
  });
  window.addEventListener("online", show);
  window.addEventListener("offline", show);
}
