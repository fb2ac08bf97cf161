/** Elements from data, as text: nothing that people wrote is ever read as HTML. */

/**
 * @param {string} tag
 * @param {Record<string, any>} attributes of these, `on…` are listeners; null and false are left out
 * @param {...(Node | string | null)} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** One of the symbols in `_icons.html`. @param {string} name */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Run `callback` once before the next paint, however often it is asked for. @param {() => void} callback */
export function beforePaint(callback) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    const run = () => {
      asked = false;
      callback();
    };
    // A hidden page paints nothing, and its title should be right all the same.
    if (document.hidden) setTimeout(run);
    else requestAnimationFrame(run);
  };
}
