/**
 * The content of one row: from the page's `render`, from a template of the page, or as any kind can be shown.
 *
 * @typedef {import("../store.js").Notification} Notification
 * @typedef {import("./words.js").Words} Words
 * @typedef {{title?: string, text?: string, url?: string, icon?: Node, count?: string}} Content `count`: of how many
 *   events it is, in words, "21 replies"; by default the number
 * @typedef {(notification: Notification, words: Words) => Node | string | Content | null | undefined} Render
 */

import { localLink } from "../links.js";
import { element } from "./dom.js";

/**
 * @param {Notification} notification
 * @param {{render?: Render | null, templates: readonly HTMLTemplateElement[], words: Words, kindName: (kind: string) => string}} page
 * @returns {{nodes: Node[], title: string, url: string}} `url`: where it leads, on this site, or empty; `title`: for
 *   screen readers, at its buttons
 */
export function contentOf(notification, { render, templates, words, kindName }) {
  const usual = usualContent(notification, words, kindName);
  const rendered = safely(notification, () => render?.(notification, words));
  if (rendered instanceof Node) return { ...usual, nodes: [rendered], title: rendered.textContent || usual.title };
  const kind = notification.notificationType;
  const template = templates.find((one) => one.dataset.kind === kind) ?? templates.find((one) => !one.dataset.kind);
  if (rendered == null && template) {
    const nodes = [filled(template, notification)];
    return { ...usual, nodes, title: nodes[0].textContent?.trim() || usual.title };
  }
  const own = typeof rendered === "string" ? { title: rendered, who: "" } : rendered ? { who: "", ...rendered } : {};
  const { who, title, text, url, icon, count } = { icon: null, count: "", ...usual, ...own };
  const times = notification.count > 1 ? (count ? ` · ${count}` : ` (${words.number(notification.count)})`) : "";
  const line = element(
    "span",
    { part: "row-title" },
    who && element("strong", { dir: "auto" }, who),
    who && " ",
    isolated(title),
    times,
  );
  const body = text && element("span", { part: "row-text", dir: "auto" }, text);
  const shown = icon && element("span", { part: "row-icon" }, icon);
  return {
    nodes: [...(shown ? [shown] : []), element("span", { class: "words" }, line, body)],
    title: line.textContent,
    url: localLink(url, ""),
  };
}

/** A text in its own direction; a node of the page as it is. @param {any} title */
const isolated = (title) => (typeof title === "string" ? element("bdi", {}, title) : title);

/** @param {Notification} notification @param {Words} words @param {(kind: string) => string} kindName */
function usualContent(notification, words, kindName) {
  const { title, text, excerpt, body, url } = notification.data ?? {};
  return {
    who: whoDid(notification, words),
    title: textOf(title) || kindName(notification.notificationType),
    text: textOf(text) || textOf(excerpt) || textOf(body),
    url: localLink(url, ""),
  };
}

/** "ann", "ann and ben", "ann and 4 others": the newest first, without the names of erased users. @param {Notification} notification @param {Words} words */
export function whoDid({ actor, actors, actorCount }, words) {
  const all = actors?.length ? actors : actor ? [actor] : [];
  const names = all.map((one) => textOf(one?.username)).filter(Boolean);
  const others = Math.max(Number(actorCount) || 0, all.length) - 1;
  if (names.length === 0) return others >= 0 ? words.say("people", { count: others + 1 }) : "";
  if (others < 1) return names[0];
  if (others === 1 && names.length === 2) return words.say("and", { one: names[0], two: names[1] });
  return words.say("others", { who: names[0], count: others });
}

/**
 * A copy of the page's template, in which each `data-field="data.thread_title"` is filled with that value as text.
 * @param {HTMLTemplateElement} template @param {Notification} notification
 */
function filled(template, notification) {
  const copy = element("span", { class: "words" }, document.importNode(template.content, true));
  for (const place of copy.querySelectorAll("[data-field]")) {
    const path = String(place.dataset.field).split(".");
    place.textContent = textOf(path.reduce((value, name) => value?.[name], /** @type {any} */ (notification)));
  }
  return copy;
}

/** @template T @param {Notification} notification @param {() => T} render @returns {T | null} */
function safely({ notificationId }, render) {
  try {
    return render();
  } catch (error) {
    console.warn("Clarion: a notification cannot be rendered:", notificationId, error);
    return null;
  }
}

/** Text of a value that people can read; empty for anything else. @param {any} value */
const textOf = (value) => (typeof value === "string" || Number.isFinite(value) ? String(value) : "");
