/**
 * A message below a list for some seconds, with a button that undoes the change.
 *
 * `ended` runs once when the time is over, when another message replaces this one, when the page is left, and when the
 * element goes. It does not run after Undo. The time does not pass while the pointer or the focus is on the message.
 *
 * @typedef {{undo: () => void, ended?: () => void}} Change
 */

import { element } from "./dom.js";

const SHOWN_MILLISECONDS = 7000;

export class Toast {
  #text = element("span", { part: "toast-text", role: "status" });
  #button;
  element;
  /** @type {Change | null} */ #change = null;
  /** @type {any} */ #timer = null;

  /** @type {() => void} */ #leave;

  /** @param {import("./words.js").Words} words @param {AbortSignal} signal @param {() => void} leave moves the focus */
  constructor(words, signal, leave) {
    this.#leave = leave;
    const onclick = () => this.undo();
    this.#button = element("button", { type: "button", part: "undo", onclick }, words.say("undo"));
    this.element = element("div", { part: "toast", "data-empty": true }, this.#text, this.#button);
    const wait = () => this.#wait();
    for (const type of ["pointerenter", "focusin"])
      this.element.addEventListener(type, () => clearTimeout(this.#timer));
    for (const type of ["pointerleave", "focusout"]) this.element.addEventListener(type, wait);
    addEventListener("pagehide", () => this.end(), { signal });
    signal.addEventListener("abort", () => this.end());
  }

  /** @param {string} text @param {Change} change */
  show(text, change) {
    this.end();
    this.#change = change;
    this.#text.textContent = text;
    this.element.removeAttribute("data-empty");
    this.#wait();
  }

  undo() {
    const change = this.#take();
    change?.undo();
  }

  /** The change stays. */
  end() {
    const change = this.#take();
    change?.ended?.();
  }

  /** Show nothing, and neither undo the change nor end it. */
  drop() {
    this.#take();
  }

  #wait() {
    clearTimeout(this.#timer);
    if (this.#change) this.#timer = setTimeout(() => this.end(), SHOWN_MILLISECONDS);
  }

  #take() {
    clearTimeout(this.#timer);
    if (this.element.contains(/** @type {ShadowRoot} */ (this.element.getRootNode()).activeElement)) this.#leave();
    const change = this.#change;
    this.#change = null;
    this.#text.textContent = "";
    this.element.setAttribute("data-empty", "");
    return change;
  }
}
