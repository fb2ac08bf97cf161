/**
 * A list of notifications in the page: follows an array, touches only what changed, keeps the focus.
 *
 * One row at a time takes part in the order of Tab, with its link and its buttons. Arrow keys, j, k, Home and End move
 * to another row, and e marks it as read or unread. A heading stands above the rows of each day. The buttons appear on
 * hover and focus; without hover a button `more` shows them below the row.
 *
 * @typedef {import("../store.js").Notification} Notification
 * @typedef {{content: HTMLElement, row: HTMLElement, shown: Notification, title: string}} Row
 *
 * @typedef {object} Owner
 * @property {(notification: Notification) => "yes" | "no" | "saving"} muted whether its topic is muted
 * @property {(notification: Notification) => {nodes: Node[], title: string, url: string}} content
 * @property {import("./words.js").Words} words
 * @property {(notification: Notification, url: string, event: Event) => void} open
 * @property {(notification: Notification) => void} toggle @property {(notification: Notification) => void} remove
 * @property {(notification: Notification) => void} mute mutes its topic, or ends that
 */

import { element, icon } from "./dom.js";
import { dayName, dayOf, tell } from "./times.js";

const ACTIONS = ["toggle", "mute", "delete"];
const STEPS = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, Home: -Infinity, End: Infinity };

export class RowList {
  /** @type {Map<string, Row>} */ #rows = new Map();
  /** @type {HTMLElement} */ #list;
  /** @type {Owner} */ #owner;
  /** @type {HTMLElement | null} the row in the order of Tab */ #current = null;
  /** @type {Map<number, HTMLElement>} headings by their day */ #days = new Map();
  /** The day on which the headings were written. */ #today = 0;
  /** @type {any} a row without content */ #blank = null;

  /** @param {HTMLElement} list a `ul` @param {Owner} owner */
  constructor(list, owner) {
    this.#list = list;
    this.#owner = owner;
    list.addEventListener("keydown", (event) => this.#move(event));
    list.addEventListener("focusin", ({ target }) =>
      this.#setCurrent(/** @type {any} */ (target).closest("[part~=row]")),
    );
  }

  /** @param {readonly Notification[]} notifications newest first */
  show(notifications) {
    const kept = new Set(notifications.map((one) => one.notificationId));
    for (const [id, { row }] of this.#rows) if (!kept.has(id)) this.#forget(id, row);
    const focused = this.#focused();
    let place = this.#list.firstElementChild;
    const put = (/** @type {HTMLElement} */ item) => {
      if (item === place) place = place.nextElementSibling;
      else this.#list.insertBefore(item, place);
    };
    const days = new Map();
    if (this.#today !== (this.#today = dayOf(Date.now()))) this.#days.clear();
    let last = NaN;
    for (const notification of notifications) {
      const row = this.#row(notification);
      const instant = Date.parse(notification.createdAt);
      const day = dayOf(instant);
      if (day !== last && !days.has(day) && !Number.isNaN(day)) {
        days.set(day, this.#days.get(day) ?? this.#heading(instant));
        put(days.get(day));
      }
      last = day;
      put(row);
    }
    this.#days = days;
    while (place) {
      const gone = place;
      place = place.nextElementSibling;
      gone.remove();
    }
    // A row that moved has lost it.
    if (focused?.isConnected && focused !== this.#focused()) focused.focus({ preventScroll: true });
    if (!this.#current?.isConnected) this.#setCurrent(this.#items()[0] ?? null);
  }

  /** Write all rows anew, for another language or another way to render. */
  clear() {
    this.#rows.clear();
    this.#days.clear();
    this.#list.replaceChildren();
  }

  /** @returns {HTMLElement[]} the rows, in order, without the headings */
  #items() {
    return /** @type {any} */ ([...this.#list.children].filter((item) => item.matches("[part~=row]")));
  }

  /** @param {number} instant of a notification */
  #heading(instant) {
    return element("li", { part: "day" }, element("h3", {}, dayName(instant, this.#owner.words)));
  }

  /** Focus the current row; return whether there is one. */
  focus() {
    const link = /** @type {HTMLElement | null | undefined} */ (this.#current?.querySelector("[part~=row-main]"));
    link?.focus();
    return Boolean(link);
  }

  /** Show of all rows whether they are muted. */
  mark() {
    for (const entry of this.#rows.values()) this.#mark(entry);
  }

  tellTimes() {
    for (const { row } of this.#rows.values()) {
      const time = row.querySelector("time");
      if (time) tell(time, this.#owner.words);
    }
  }

  #focused() {
    const root = /** @type {ShadowRoot} */ (this.#list.getRootNode());
    const focused = /** @type {HTMLElement | null} */ (root.activeElement);
    return this.#list.contains(focused) ? focused : null;
  }

  /** @param {Notification} notification */
  #row(notification) {
    const known = this.#rows.get(notification.notificationId);
    if (known?.shown === notification) return known.row;
    const entry = known ?? this.#made(notification);
    const before = known?.shown;
    entry.shown = notification;
    if (before?.seq !== notification.seq) this.#write(entry);
    this.#mark(entry);
    this.#rows.set(notification.notificationId, entry);
    return entry.row;
  }

  /** @param {Notification} notification @returns {Row} */
  #made(notification) {
    // A copy, because building fifty rows from parts takes too long to open the list at once.
    const row = (this.#blank ??= blankRow()).cloneNode(true);
    const [content] = row.children;
    /** @type {any} */
    const entry = { content, row, shown: notification, title: "" };
    const [more, toggle, mute, discard] = row.querySelectorAll("button");
    const expand = (/** @type {boolean} */ open) => more.setAttribute("aria-expanded", String(open));
    more.addEventListener("click", () => expand(more.ariaExpanded !== "true"));
    expand(false);
    toggle.addEventListener("click", () => this.#owner.toggle(entry.shown));
    mute.addEventListener("click", () => this.#owner.mute(entry.shown));
    discard.addEventListener("click", () => this.#owner.remove(entry.shown));
    return entry;
  }

  /** Write the content, which changes when one more collapses into it. @param {Row} entry */
  #write(entry) {
    const { words, content, open } = this.#owner;
    const { row, shown } = entry;
    const { nodes, title, url } = content(shown);
    entry.title = title;
    const time = element("time", { part: "time", datetime: shown.createdAt });
    tell(time, words);
    const onclick = (/** @type {Event} */ event) => open(entry.shown, url, event);
    const attributes = { part: "row-main", onclick, tabindex: row === this.#current ? 0 : -1 };
    const state = element("span", { class: "hidden", "data-state": true });
    const muted = element("span", { part: "muted", hidden: true }, words.say("muted"));
    const inside = [state, ...nodes, element("span", { class: "foot" }, time, muted)];
    const main = url
      ? element("a", { href: url, ...attributes }, ...inside)
      : element("button", { type: "button", ...attributes }, ...inside);
    const had = this.#focused() === entry.content.firstElementChild;
    entry.content.replaceChildren(main);
    if (had) main.focus({ preventScroll: true });
    const [, mute, discard] = /** @type {HTMLButtonElement[]} */ ([...row.querySelectorAll("[part~=action]")]);
    const more = /** @type {HTMLButtonElement} */ (row.querySelector("[part=more]"));
    name(more, "actions", words, title);
    mute.hidden = !shown.topic;
    name(discard, "delete", words, title);
  }

  /** Show whether it was read, and whether its topic is muted. @param {Row} entry */
  #mark({ row, shown, title }) {
    const { words } = this.#owner;
    row.setAttribute("part", shown.isRead ? "row" : "row row-unread");
    const state = row.querySelector("[data-state]");
    if (state) state.textContent = shown.isRead ? "" : `${words.say("isUnread")}: `;
    const write = (/** @type {string} */ part, /** @type {any} */ symbol, /** @type {string} */ action) => {
      const button = /** @type {HTMLButtonElement} */ (row.querySelector(`[part~=${part}]`));
      if (button.dataset.icon !== symbol) button.replaceChildren(icon((button.dataset.icon = symbol)), label());
      name(button, action, words, title);
      return button;
    };
    write("toggle", shown.isRead ? "unread" : "check", shown.isRead ? "markUnread" : "markRead");
    const muted = this.#owner.muted(shown);
    const tag = /** @type {HTMLElement | null} */ (row.querySelector("[part=muted]"));
    if (tag) tag.hidden = muted === "no";
    const [symbol, change] = muted === "no" ? ["mute", "mute"] : ["bell", "unmute"];
    write("mute", symbol, change).disabled = muted === "saving";
  }

  /** @param {string} id @param {HTMLElement} row */
  #forget(id, row) {
    this.#rows.delete(id);
    if (row.contains(this.#focused())) {
      const items = this.#items();
      const place = items.indexOf(row);
      this.#setCurrent(items[place + 1] ?? items[place - 1] ?? null);
      if (!this.focus()) this.#list.focus();
    }
    row.remove();
  }

  /** @param {HTMLElement | null} row */
  #setCurrent(row) {
    if (row === this.#current) return;
    tabbable(this.#current, -1);
    this.#current = row;
    tabbable(row, 0);
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || !this.#current) return;
    if (event.key === "e") return /** @type {any} */ (this.#current.querySelector("[part~=toggle]")).click();
    if (!(event.key in STEPS)) return;
    const rows = this.#items();
    const step = STEPS[/** @type {keyof typeof STEPS} */ (event.key)];
    const place = Math.min(Math.max(rows.indexOf(this.#current) + step, 0), rows.length - 1);
    event.preventDefault();
    this.#setCurrent(rows[place]);
    this.focus();
  }
}

/** @param {HTMLElement | null} row @param {number} order */
function tabbable(row, order) {
  for (const one of row?.querySelectorAll("[part~=row-main], button") ?? []) /** @type {any} */ (one).tabIndex = order;
}

/** @param {HTMLElement} button @param {string} key of the action @param {import("./words.js").Words} words @param {string} title of the row */
function name(button, key, words, title) {
  const action = words.say(key);
  button.title = action;
  button.setAttribute("aria-label", words.say("action", { action, title }));
  const shown = button.querySelector(".label");
  if (shown) shown.textContent = action;
}

/** The name of an action, shown in the menu. */
const label = () => element("span", { class: "label" });

/** A row without content: its menu, and its actions. */
function blankRow() {
  const button = (/** @type {any} */ part, /** @type {any} */ symbol, inside = label()) =>
    element("button", { type: "button", part, tabindex: -1, "data-icon": symbol }, icon(symbol), inside);
  const actions = ["check", "mute", "delete"].map((symbol, place) => button(`action ${ACTIONS[place]}`, symbol));
  const content = element("div", { class: "content" });
  return element(
    "li",
    { part: "row" },
    content,
    button("more", "more", null),
    element("div", { part: "actions" }, ...actions),
  );
}
