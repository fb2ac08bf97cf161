/**
 * The part that all elements share: attributes, words, style sheets, the inbox, and what they read of the page.
 *
 * An element builds its content when its words are loaded, and anew when an attribute changes.
 *
 * @typedef {import("./words.js").Words} Words
 * @typedef {import("./row.js").Render} Render
 * @typedef {import("./live.js").LiveInbox} LiveInbox
 */

import { socketUrl } from "../browser.js";
import { element } from "./dom.js";
import { inboxFrom, inboxOf } from "./live.js";
import { contentOf } from "./row.js";
import { sheet } from "./styles.js";
import { wordsFor } from "./words.js";

/** Pause in which arrivals are counted for one announcement to screen readers. */
const ANNOUNCE_MILLISECONDS = 1000;
/** Properties that a page may have set before the element was defined. */
const PROPERTIES = ["inbox", "render", "dictionary", "styles"];

/** Without a browser, as on a server that renders pages, the modules can be loaded all the same. */
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

export class ClarionElement extends Base {
  static observedAttributes = ["lang", "tabs", "kinds"];

  /** How a row is shown; see row.js. @type {Render | null} */ #render = null;
  /** @type {import("./words.js").Dictionary} */ #dictionary = {};
  /** @type {readonly CSSStyleSheet[]} */ #styles = [];
  /** @type {LiveInbox | null} */ #inbox = null;
  /** @type {(() => void) | null} */ #stop = null;
  /** Counts beginnings: words that were loaded for an earlier one are ignored. */ #start = 0;
  /** Returns a token for the API and the connection. @type {(() => Promise<string | null>) | null} */ getToken =
    Reflect.get(this, "getToken") ?? null;
  /** The element whose children are read: its `option`s and `template`s. @type {HTMLElement} */ source = this;
  /** @type {Words} once it is built */ words = /** @type {any} */ (null);

  constructor() {
    super();
    this.attachShadow({ mode: "open" });
    this.styles = [];
  }

  get root() {
    return /** @type {ShadowRoot} */ (this.shadowRoot);
  }

  /** The inbox that it shows: by its attributes, or a store and a connection of the page's own. @returns {LiveInbox} */
  get inbox() {
    this.#inbox ??= inboxOf({
      api: this.getAttribute("api") ?? "/api/",
      url: this.getAttribute("socket") ?? socketUrl(this.getAttribute("port")),
      user: this.getAttribute("user"),
      csrf: () => this.getAttribute("csrf"),
      tokens: this.hasAttribute("tokens"),
      getToken: this.getToken,
    });
    return this.#inbox;
  }

  /** @param {any} inbox */
  set inbox(inbox) {
    this.#end();
    this.#inbox = inbox && inboxFrom(inbox);
    this.#begin();
  }

  get render() {
    return this.#render;
  }

  set render(render) {
    this.#render = render;
    this.#begin();
  }

  /** Words of the page's own, instead of those of the language. */
  get dictionary() {
    return this.#dictionary;
  }

  set dictionary(dictionary) {
    this.#dictionary = dictionary;
    this.#begin();
  }

  /** Style sheets of the page's own, for what `render` returns. */
  get styles() {
    return this.#styles;
  }

  set styles(styles) {
    this.#styles = styles;
    this.root.adoptedStyleSheets = [sheet(), ...styles];
  }

  connectedCallback() {
    for (const name of PROPERTIES) {
      if (!Object.hasOwn(this, name)) continue;
      const value = /** @type {any} */ (this)[name];
      delete (/** @type {any} */ (this)[name]);
      /** @type {any} */ (this)[name] = value;
    }
    this.#begin();
  }

  disconnectedCallback() {
    this.#end();
  }

  attributeChangedCallback() {
    if (this.#stop) this.#begin();
  }

  /** Build the content, and follow the inbox until the signal. @param {AbortSignal} signal */
  build(signal) {
    void signal;
  }

  /** The name of a kind: of an `option`, or the kind in words. @param {string} kind */
  nameOf(kind) {
    const option = this.options.find(({ kinds }) => kinds.length === 1 && kinds[0] === kind);
    return option?.label ?? sentence(kind);
  }

  /** What is shown of a notification. @param {import("../store.js").Notification} notification */
  contentOf(notification) {
    return contentOf(notification, {
      render: this.render,
      templates: [...this.source.querySelectorAll("template")],
      words: this.words,
      kindName: (kind) => this.nameOf(kind),
    });
  }

  /** The `option`s of the page: kinds, and what they are called. */
  get options() {
    const options = [.../** @type {NodeListOf<HTMLElement>} */ (this.source.querySelectorAll("option"))];
    return options.map((one) => ({
      kinds: (one.getAttribute("value") ?? "").split(/\s+/).filter(Boolean),
      topic: one.dataset.topic,
      label: one.textContent?.trim() ?? "",
    }));
  }

  /** @param {string} type @param {any} detail @param {boolean} [cancelable] @returns {boolean} whether nobody has prevented it */
  emit(type, detail, cancelable = false) {
    const options = { detail, cancelable, bubbles: true, composed: true };
    return this.dispatchEvent(new CustomEvent(`clarion-${type}`, options));
  }

  /** Announce arrivals: as events of the page, and to screen readers. One element of an inbox does. @param {AbortSignal} signal */
  announce(signal) {
    const { inbox, words } = this;
    const region = element("span", { class: "hidden", role: "status" });
    this.root.append(region);
    let count = 0;
    /** @type {any} */
    let timer = null;
    const speaks = () => (inbox.announcer ??= this) === this;
    const arrived = (/** @type {any} */ { detail }) => {
      if (!speaks()) return;
      this.emit("arrival", detail);
      count += detail.notification.isRead ? 0 : 1;
      if (detail.quiet || count === 0) return;
      timer ??= setTimeout(() => {
        region.textContent = words.say("new", { count });
        count = 0;
        timer = null;
      }, ANNOUNCE_MILLISECONDS);
    };
    const passed = (/** @type {any} */ { type, detail }) => speaks() && this.emit(type, detail);
    speaks();
    for (const type of ["created", "grown"]) inbox.store.addEventListener(type, arrived, { signal });
    for (const type of ["state", "trouble", "userchange"]) inbox.addEventListener(type, passed, { signal });
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      if (speaks()) inbox.announcer = null;
    });
  }

  async #begin() {
    if (!this.isConnected) return;
    const start = ++this.#start;
    const language = this.lang || /** @type {HTMLElement | null} */ (this.closest("[lang]"))?.lang || "en";
    const words = await wordsFor(language);
    if (start !== this.#start || !this.isConnected) return;
    this.#end();
    this.words = words.with(this.#dictionary);
    const { inbox } = this;
    inbox.retain();
    const abort = new AbortController();
    this.build(abort.signal);
    this.#stop = () => {
      abort.abort();
      inbox.release();
      this.root.replaceChildren();
    };
  }

  #end() {
    this.#start += 1;
    this.#stop?.();
    this.#stop = null;
  }
}

/** "Thread reply" of THREAD_REPLY. @param {string} kind */
function sentence(kind) {
  const words = String(kind).toLowerCase().replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
