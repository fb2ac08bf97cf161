export class RowList {
    /** @param {HTMLElement} list a `ul` @param {Owner} owner */
    constructor(list: HTMLElement, owner: Owner);
    /** @param {readonly Notification[]} notifications newest first */
    show(notifications: readonly Notification[]): void;
    /** Write all rows anew, for another language or another way to render. */
    clear(): void;
    /** Focus the current row; return whether there is one. */
    focus(): boolean;
    /** Show of all rows whether they are muted. */
    mark(): void;
    tellTimes(): void;
    #private;
}
/**
 * A list of notifications in the page: follows an array, touches only what changed, keeps the focus.
 *
 * One row at a time takes part in the order of Tab, with its link and its buttons. Arrow keys, j, k, Home and End move
 * to another row, and e marks it as read or unread. A heading stands above the rows of each day. The buttons appear on
 * hover and focus; without hover a button `more` shows them below the row.
 */
export type Notification = import("../store.js").Notification;
/**
 * A list of notifications in the page: follows an array, touches only what changed, keeps the focus.
 *
 * One row at a time takes part in the order of Tab, with its link and its buttons. Arrow keys, j, k, Home and End move
 * to another row, and e marks it as read or unread. A heading stands above the rows of each day. The buttons appear on
 * hover and focus; without hover a button `more` shows them below the row.
 */
export type Row = {
    content: HTMLElement;
    row: HTMLElement;
    shown: Notification;
    title: string;
};
/**
 * A list of notifications in the page: follows an array, touches only what changed, keeps the focus.
 *
 * One row at a time takes part in the order of Tab, with its link and its buttons. Arrow keys, j, k, Home and End move
 * to another row, and e marks it as read or unread. A heading stands above the rows of each day. The buttons appear on
 * hover and focus; without hover a button `more` shows them below the row.
 */
export type Owner = {
    /**
     * whether its topic is muted
     */
    muted: (notification: Notification) => "yes" | "no" | "saving";
    content: (notification: Notification) => {
        nodes: Node[];
        title: string;
        url: string;
    };
    words: import("./words.js").Words;
    open: (notification: Notification, url: string, event: Event) => void;
    toggle: (notification: Notification) => void;
    remove: (notification: Notification) => void;
    /**
     * mutes its topic, or ends that
     */
    mute: (notification: Notification) => void;
};
