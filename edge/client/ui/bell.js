/**
 * `<clarion-bell>`: a button with the number of unread notifications, highlighted while some are unseen, and a panel with
 * the inbox.
 */

import { ClarionElement } from "./base.js";
import { watchDesktop } from "./desktop.js";
import { beforePaint, element, icon, isTyping } from "./dom.js";
import { ClarionInbox, PARTS } from "./inbox.js";
import { watchConnection } from "./offline.js";
import { Popover } from "./popover.js";

/** More is not worth reading. */
const SHOWN_MAX = 99;

export class ClarionBell extends ClarionElement {
  /** @type {Popover | null} */ #popover = null;

  /** Whether the panel is open. */
  get open() {
    return this.#popover?.open ?? false;
  }

  set open(open) {
    this.#popover?.toggle(open);
  }

  /** @param {AbortSignal} signal */
  build(signal) {
    const { words, inbox } = this;
    const { store } = inbox;
    const badge = element("span", { part: "badge", "aria-hidden": "true", hidden: true });
    const symbol = element("span", { part: "icon" }, element("slot", { name: "icon" }, icon("bell")));
    const button = element("button", { type: "button", part: "button", "aria-expanded": "false" }, symbol, badge);
    button.setAttribute("aria-haspopup", "dialog");
    const list = this.#inbox();
    const panel = element("div", { part: "popover", role: "dialog", "aria-label": words.say("notifications") }, list);
    const popover = (this.#popover = new Popover(button, panel, (open) => {
      list.idle = !open;
      if (open) requestAnimationFrame(() => popover.open && list.focus());
      this.emit("toggle", { open });
    }));
    this.root.append(element("span", { class: "bell", dir: words.direction, lang: words.language }, button, panel));

    const { title } = document;
    let disturbed = "";
    const show = beforePaint(() => {
      const { unread } = inbox;
      const { unseen } = store;
      badge.textContent = unread > SHOWN_MAX ? `${words.number(SHOWN_MAX)}+` : words.number(unread);
      badge.hidden = unread === 0;
      badge.setAttribute("part", unseen ? "badge badge-new" : "badge");
      const notifications = words.say("notifications");
      const label = unread
        ? words.say("label", { notifications, unread: words.say("unread", { count: unread }) })
        : notifications;
      const described = disturbed ? words.say("action", { action: label, title: words.say(disturbed) }) : label;
      button.setAttribute("aria-label", described);
      button.title = disturbed ? words.say(disturbed) : notifications;
      symbol.toggleAttribute("data-offline", disturbed !== "");
      if (this.hasAttribute("app-badge")) void navigator.setAppBadge?.(unread).catch(() => null); // not installed
      this.#showIcon(unread > 0);
      if (this.hasAttribute("in-title")) document.title = unread ? `(${badge.textContent}) ${title}` : title;
    });
    const ring = (/** @type {any} */ { detail }) => {
      if (detail.quiet || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
      symbol.animate({ rotate: ["0deg", "14deg", "-11deg", "7deg", "-4deg", "0deg"] }, { duration: 900 });
    };
    store.addEventListener("change", show, { signal });
    inbox.addEventListener("removed", show, { signal });
    for (const type of ["created", "grown"]) store.addEventListener(type, ring, { signal });
    signal.addEventListener("abort", () => popover.stop());
    const watched = (/** @type {string} */ word) => {
      disturbed = word;
      show();
    };
    watchConnection(inbox, watched, signal);
    watchDesktop(inbox, (notification) => this.contentOf(notification), signal);
    const pressed = (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== this.getAttribute("key") || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isTyping(event)) return;
      event.preventDefault();
      popover.toggle(!popover.open);
    };
    document.addEventListener("keydown", pressed, { signal });
    if (this.getAttribute("key")) button.setAttribute("aria-keyshortcuts", String(this.getAttribute("key")));
    this.announce(signal);
  }

  /** Swap the page's icon for the one of the attribute `unread-icon`. @param {boolean} unread */
  #showIcon(unread) {
    const other = this.getAttribute("unread-icon");
    const link = /** @type {HTMLLinkElement | null} */ (document.querySelector("link[rel~=icon]"));
    if (!other || !link) return;
    link.dataset.usual ??= link.getAttribute("href") ?? "";
    link.setAttribute("href", unread ? other : link.dataset.usual);
  }

  #inbox() {
    const list = /** @type {ClarionInbox} */ (
      element("clarion-inbox", { lang: this.words.language, exportparts: PARTS })
    );
    const { inbox, render, dictionary, styles } = this;
    Object.assign(list, { source: this, idle: true, inbox, render, dictionary, styles });
    for (const name of ["header", "empty", "footer"]) {
      // Without content of the page that of the list stays.
      if (this.querySelector(`[slot=${name}]`)) list.append(element("slot", { name, slot: name }));
    }
    return list;
  }
}
