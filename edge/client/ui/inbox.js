/**
 * `<clarion-inbox>`: a user's notifications as a list with tabs, page by page, live.
 *
 * While it can be seen, all that it shows is marked as seen. Opening a notification marks it as read.
 *
 * @typedef {import("../store.js").Notification} Notification
 */

import { ClarionElement } from "./base.js";
import { notSaved } from "./api.js";
import { beforePaint, element } from "./dom.js";
import { RowList } from "./list.js";
import { offlineLine } from "./offline.js";
import { ALL, Pages, UNREAD, isKind } from "./pages.js";
import { SAVING } from "./mutes.js";
import { Toast } from "./toast.js";

/** Pause before further arrivals are marked as seen. */
const SEEN_MILLISECONDS = 2000;
const TIMES_MILLISECONDS = 30_000;
/** Parts of the list, which an element around it passes on. */
export const PARTS =
  "panel, header, title, read-all, tabs, tab, tab-selected, body, list, day, row, row-unread, row-main, row-icon, row-title, " +
  "row-text, time, more, actions, action, toggle, mute, delete, muted, empty, trouble, offline, toast, toast-text, undo, older, help, footer";

export class ClarionInbox extends ClarionElement {
  /** Whether nothing is painted, because an element around it is closed. */ #idle = false;
  /** @type {() => void} */ #show = () => undefined;
  /** @type {HTMLElement | null} */ #panel = null;

  get idle() {
    return this.#idle;
  }

  set idle(idle) {
    this.#idle = idle;
    if (!idle) this.#show();
  }

  /** Move the focus to the panel; the arrow down leads to the rows. */
  focus() {
    this.#panel?.focus();
  }

  /** @param {AbortSignal} signal */
  build(signal) {
    const { words, inbox } = this;
    const { store, api } = inbox;
    const pages = new Pages(store, api);
    const say = words.say.bind(words);

    const title = element("h2", { part: "title", id: "title" }, say("notifications"));
    const readAll = element("button", { type: "button", part: "read-all", hidden: true }, say("readAll"));
    const tabs = this.#tabs(pages);
    const listPlace = element("ul", { part: "list", role: "list", tabindex: -1, "aria-label": say("notifications") });
    const empty = element("p", { part: "empty", hidden: true }, element("slot", { name: "empty" }));
    const emptyText = element("span", {});
    empty.firstChild.append(emptyText);
    const trouble = element("p", { part: "trouble", role: "alert", hidden: true });
    const older = element("button", { type: "button", part: "older", onclick: () => pages.older(), hidden: true });
    const body = element("div", { part: "body", role: "tabpanel", id: "body" }, listPlace, empty, older);
    const toast = new Toast(words, signal, () => list.focus() || panel.focus());
    const footerSlot = element("slot", { name: "footer" });
    const footer = element("div", { part: "footer", hidden: true }, footerSlot);
    footerSlot.addEventListener("slotchange", () => {
      footer.hidden = footerSlot.assignedNodes({ flatten: true }).length === 0;
    });
    const panel = element(
      "section",
      { part: "panel", tabindex: -1, "aria-labelledby": "title", dir: words.direction, lang: words.language },
      element("div", { part: "header" }, element("slot", { name: "header" }, title), readAll),
      offlineLine(inbox, words, signal),
      tabs,
      body,
      element("div", { class: "notices" }, trouble, toast.element),
      element("details", { part: "help" }, element("summary", {}, say("keys")), say("keysHelp")),
      footer,
    );
    this.#panel = panel;
    panel.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (["ArrowDown", "j"].includes(event.key) && event.target === panel && list.focus()) event.preventDefault();
    });
    const change = async (/** @type {Promise<any>} */ asked) => {
      const error = await inbox.failureOf(asked);
      trouble.hidden = error === null;
      if (error) trouble.textContent = notSaved(error, words);
      return error === null;
    };
    const list = new RowList(listPlace, {
      words,
      content: (notification) => this.contentOf(notification),
      open: (notification, url, event) => {
        if (!notification.isRead) void change(api.setRead(notification.notificationId, true));
        if (!this.emit("open", { notification, url }, true)) event.preventDefault();
      },
      toggle: ({ notificationId, isRead }) => void change(api.setRead(notificationId, !isRead)),
      remove: ({ notificationId }) => remove(notificationId),
      muted: ({ topic }) => {
        const mute = inbox.mutes.of(topic);
        return mute ? (mute.id === SAVING ? "saving" : "yes") : "no";
      },
      mute: ({ topic }) => void mute(String(topic)),
    });
    // The request waits until the time to undo is over, because the API has no way to bring a notification back.
    let removing = "";
    const remove = (/** @type {string} */ id) => {
      const undo = () => {
        removing = "";
        inbox.setRemoved(id, false);
      };
      const ended = async () => {
        removing = "";
        if (!(await change(api.remove(id)))) inbox.setRemoved(id, false);
      };
      toast.show(say("deleted"), { undo, ended });
      removing = id;
      inbox.setRemoved(id, true);
    };
    const mute = async (/** @type {string} */ topic) => {
      const known = inbox.mutes.of(topic);
      if (known) return change(inbox.mutes.unmute(known));
      const undo = () => {
        const made = inbox.mutes.of(topic);
        if (made) void change(inbox.mutes.unmute(made));
      };
      if (await change(inbox.mutes.mute({ topic }))) toast.show(say("topicMuted"), { undo });
    };
    // Another event has collapsed into a notification that is being deleted: its content is new.
    const grown = (/** @type {any} */ { detail }) => detail.notification.notificationId === removing && toast.undo();
    store.addEventListener("grown", grown, { signal });
    inbox.addEventListener("userchange", () => toast.drop(), { signal });
    readAll.addEventListener("click", () => {
      panel.focus();
      const kind = isKind(pages.tab) ? { kind: pages.tab } : {};
      void change(api.readAll({ through: store.cursor?.seq, ...kind }));
    });

    /** @type {IntersectionObserver | null} */
    let end = null;
    /** Read the next page when the end of the list is seen. What is told late of an earlier list reads nothing. */
    const watchEnd = () => {
      const observer = new IntersectionObserver((entries) => {
        if (observer !== end || !entries.some((entry) => entry.isIntersecting)) return;
        end = null;
        pages.older();
      });
      observer.observe(older);
      return observer;
    };
    const show = () => {
      if (this.#idle) return;
      const rows = pages.rows.filter((one) => !inbox.isRemoved(one));
      list.show(rows);
      if (rows.some((one) => one.topic)) inbox.mutes.need();
      readAll.hidden = inbox.unread === 0;
      const unknown = pages.busy || pages.failed || pages.more;
      empty.hidden = unknown || rows.length > 0;
      emptyText.textContent = say(pages.tab === UNREAD ? "emptyUnread" : "empty");
      older.hidden = !unknown;
      older.textContent = say(pages.failed ? "retry" : pages.busy ? "loading" : "older");
      body.setAttribute("aria-busy", String(pages.busy));
      if (pages.failed) {
        trouble.textContent = say("trouble");
        trouble.hidden = false;
      } else if (pages.busy) trouble.hidden = true;
      for (const tab of tabs.children) select(tab, tab.dataset.tab === pages.tab);
      body.setAttribute("aria-labelledby", `tab-${pages.tab}`);
      end?.disconnect();
      end = pages.more && !pages.failed && !pages.busy ? watchEnd() : null;
    };
    this.#show = show;

    let visible = false;
    /** @type {any} */
    let pause = null;
    const see = () => {
      if (!visible || document.hidden || pause || store.unseen === 0) return;
      inbox.seen();
      pause = setTimeout(() => {
        pause = null;
        see();
      }, SEEN_MILLISECONDS);
    };
    const watcher = new IntersectionObserver((entries) => {
      for (const { isIntersecting } of entries) visible = isIntersecting;
      see();
    });
    watcher.observe(panel);
    const draw = beforePaint(show);
    const changed = () => {
      draw();
      see();
    };
    pages.addEventListener("change", changed, { signal });
    store.addEventListener("change", changed, { signal });
    inbox.addEventListener("removed", draw, { signal });
    inbox.addEventListener("mutes", () => list.mark(), { signal });
    document.addEventListener("visibilitychange", see, { signal });
    const clock = setInterval(() => document.hidden || this.#idle || (show(), list.tellTimes()), TIMES_MILLISECONDS);
    signal.addEventListener("abort", () => {
      watcher.disconnect();
      end?.disconnect();
      clearInterval(clock);
      clearTimeout(pause);
      this.#panel = null;
      this.#show = () => undefined;
    });
    this.root.append(panel);
    if (this.source === this) this.announce(signal); // else the element around it does
    pages.listen(signal);
  }

  /** @param {Pages} pages @returns {any} */
  #tabs(pages) {
    const { words } = this;
    const asked = (this.getAttribute("tabs") ?? `${ALL} ${UNREAD}`).split(/[\s,]+/).filter(Boolean);
    const name = (/** @type {string} */ tab) =>
      isKind(tab) ? this.nameOf(tab) : words.say(tab === ALL ? "all" : "tabUnread");
    const tabs = asked.map((tab) =>
      element(
        "button",
        { type: "button", role: "tab", part: "tab", id: `tab-${tab}`, "data-tab": tab, "aria-controls": "body" },
        name(tab),
      ),
    );
    const choose = (/** @type {HTMLElement} */ tab) => {
      tab.focus();
      pages.show(String(tab.dataset.tab));
    };
    const onkeydown = (/** @type {KeyboardEvent} */ event) => {
      const place = tabs.indexOf(/** @type {any} */ (event.target));
      const forward = words.direction === "rtl" ? "ArrowLeft" : "ArrowRight";
      const arrow = ["ArrowLeft", "ArrowRight"].includes(event.key);
      if (place < 0 || !arrow) return;
      event.preventDefault();
      choose(tabs[(place + (event.key === forward ? 1 : -1) + tabs.length) % tabs.length]);
    };
    for (const tab of tabs) tab.addEventListener("click", () => choose(tab));
    if (!asked.includes(ALL)) pages.tab = asked[0];
    const attributes = { part: "tabs", role: "tablist", "aria-label": words.say("show"), hidden: tabs.length < 2 };
    return element("div", { ...attributes, onkeydown }, ...tabs);
  }
}

/** @param {any} tab @param {boolean} selected */
function select(tab, selected) {
  tab.setAttribute("aria-selected", String(selected));
  tab.setAttribute("part", selected ? "tab tab-selected" : "tab");
  tab.tabIndex = selected ? 0 : -1;
}
