export class ClarionElement extends HTMLElement {
    static observedAttributes: string[];
    /** Returns a token for the API and the connection. @type {(() => Promise<string | null>) | null} */ getToken: (() => Promise<string | null>) | null;
    /** The element whose children are read: its `option`s and `template`s. @type {HTMLElement} */ source: HTMLElement;
    /** @type {Words} once it is built */ words: Words;
    set styles(styles: readonly CSSStyleSheet[]);
    /** Style sheets of the page's own, for what `render` returns. */
    get styles(): readonly CSSStyleSheet[];
    get root(): ShadowRoot;
    /** @param {any} inbox */
    set inbox(inbox: any);
    /** The inbox that it shows: by its attributes, or a store and a connection of the page's own. @returns {LiveInbox} */
    get inbox(): LiveInbox;
    set render(render: import("./row.js").Render | null);
    get render(): import("./row.js").Render | null;
    set dictionary(dictionary: import("./words.js").Dictionary);
    /** Words of the page's own, instead of those of the language. */
    get dictionary(): import("./words.js").Dictionary;
    connectedCallback(): void;
    disconnectedCallback(): void;
    attributeChangedCallback(): void;
    /** Build the content, and follow the inbox until the signal. @param {AbortSignal} signal */
    build(signal: AbortSignal): void;
    /** The name of a kind: of an `option`, or the kind in words. @param {string} kind */
    nameOf(kind: string): string;
    /** What is shown of a notification. @param {import("../store.js").Notification} notification */
    contentOf(notification: import("../store.js").Notification): {
        nodes: Node[];
        title: string;
        url: string;
    };
    /** The `option`s of the page: kinds, and what they are called. */
    get options(): {
        kinds: string[];
        topic: string | undefined;
        label: string;
    }[];
    /** @param {string} type @param {any} detail @param {boolean} [cancelable] @returns {boolean} whether nobody has prevented it */
    emit(type: string, detail: any, cancelable?: boolean): boolean;
    /** Announce arrivals: as events of the page, and to screen readers. One element of an inbox does. @param {AbortSignal} signal */
    announce(signal: AbortSignal): void;
    #private;
}
/**
 * The part that all elements share: attributes, words, style sheets, the inbox, and what they read of the page.
 *
 * An element builds its content when its words are loaded, and anew when an attribute changes.
 */
export type Words = import("./words.js").Words;
/**
 * The part that all elements share: attributes, words, style sheets, the inbox, and what they read of the page.
 *
 * An element builds its content when its words are loaded, and anew when an attribute changes.
 */
export type Render = import("./row.js").Render;
/**
 * The part that all elements share: attributes, words, style sheets, the inbox, and what they read of the page.
 *
 * An element builds its content when its words are loaded, and anew when an attribute changes.
 */
export type LiveInbox = import("./live.js").LiveInbox;
