/** Elements from data, as text: nothing that people wrote is read as HTML, and no inline style is needed. */

/**
 * @param {string} tag
 * @param {Record<string, any>} [attributes] `on…` are listeners; null, undefined and false are left out
 * @param {...(Node | string | null | undefined)} children
 * @returns {any} the element
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(.../** @type {(Node | string)[]} */ (children.filter((child) => child != null && child !== "")));
  return made;
}

/** Paths of the icons, in a square of 24. */
const ICONS = {
  bell: "M6 10a6 6 0 1 1 12 0c0 5 2 6 2 6H4s2-1 2-6Zm4 9.5a2.2 2.2 0 0 0 4 0",
  check: "m5 12.8 4.4 4.4L19 7.4",
  unread: "M4 6.5h16v11H4Zm0 1 8 5.5 8-5.5",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  mute: "M6 10a6 6 0 0 1 9.5-4.9M18 10c0 5 2 6 2 6H9m-5 0s2-1 2-6m4 9.5a2.2 2.2 0 0 0 4 0M4 4l16 16",
  delete: "M5 7h14M10 7V4.8h4V7m-7.3 0 .8 12.2h9L17.3 7M10.5 10.8v5m3-5v5",
};

/** @param {keyof typeof ICONS} name */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Run `callback` once before the next paint, no matter how often it is asked for. @param {() => void} callback */
export function beforePaint(callback) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    const run = () => {
      asked = false;
      callback();
    };
    // A hidden page paints nothing, and has to be right all the same.
    if (document.hidden) setTimeout(run);
    else requestAnimationFrame(run);
  };
}

/** Whether a key is text for a field of the page. @param {KeyboardEvent} event */
export function isTyping(event) {
  const target = /** @type {HTMLElement} */ (event.composedPath()[0]);
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}
