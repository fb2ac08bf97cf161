/**
 * The face of a notification, in lists and in toasts: its icon, its sentence, and what it is about.
 *
 * @typedef {import("../clarion/store.js").Notification} Notification
 */

import { element, icon } from "./dom.js";
import { read } from "./kinds.js";

/**
 * What a link to `notification` holds, and where it leads.
 * @param {Notification} notification
 * @returns {{address: string, face: HTMLElement[], text: HTMLElement}} `text` is the last of `face`
 */
export function faceOf(notification) {
  const { icon: name, colour, who, does, about, excerpt, address, count } = read(notification);
  const symbol = icon(name);
  if (colour) symbol.setAttribute("color", colour);
  const text = element(
    "span",
    { class: "note-text" },
    element("span", { class: "note-title" }, ...title(who, does, about), count ? ` · ${count}` : null),
    excerpt ? element("span", { class: "note-excerpt" }, excerpt) : null,
  );
  return {
    address,
    face: [element("span", { class: colour ? "note-icon coloured" : "note-icon" }, symbol), text],
    text,
  };
}

/** "ann replied to you in Bread", with who and what about set strong. */
function title(who, does, about) {
  return [
    who ? element("strong", {}, who) : null,
    `${who ? " " : ""}${does} `,
    about ? element("strong", {}, about) : null,
  ];
}
