/** How the forum's notifications look in the elements of Clarion: a sentence and an icon for each kind. */

import { element } from "./dom.js";
import { read } from "./kinds.js";

/** @param {import("../clarion/store.js").Notification} notification */
function render(notification) {
  const { icon, colour, who, does, about, excerpt, address, count } = read(notification);
  const title = element("span", {}, `${does} `, about ? element("strong", {}, about) : null);
  return { who, title, text: excerpt, url: address, icon: symbol(icon, colour), count };
}

/** A copy of one of the page's symbols, because an element's own tree does not see them. @param {string} name @param {string | null} colour */
function symbol(name, colour) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const drawn = document.getElementById(`icon-${name}`) ?? document.getElementById("icon-note");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  if (colour) svg.setAttribute("color", colour);
  svg.append(...Array.from(drawn.children, (part) => part.cloneNode()));
  return svg;
}

export function renderRows() {
  for (const place of document.querySelectorAll("clarion-bell, clarion-inbox")) place.render = render;
}
