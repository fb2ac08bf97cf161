/**
 * Notifications of some kinds that have just arrived, kept until somebody has shown them.
 *
 * Enters: a store, the kinds, and for what one tab alone should show the connection that the tabs share. Leaves:
 * `notifications`, oldest first, and the event `change`. What came in a storm (`quiet`) or is read is left out.
 *
 * @typedef {import("./store.js").Notification} Notification
 */
export class Arrivals extends EventTarget {
    /** @param {EventTarget} store @param {readonly string[]} kinds @param {{claim?: (key: string) => Promise<boolean>} | null} [tabs] */
    constructor(store: EventTarget, kinds: readonly string[], tabs?: {
        claim?: (key: string) => Promise<boolean>;
    } | null);
    /** Replaced, never changed. */
    get notifications(): readonly import("./store.js").Notification[];
    /** Listen; the answer stops listening. */
    listen(): () => void;
    /** They have been shown. */
    clear: () => void;
    #private;
}
/**
 * Notifications of some kinds that have just arrived, kept until somebody has shown them.
 *
 * Enters: a store, the kinds, and for what one tab alone should show the connection that the tabs share. Leaves:
 * `notifications`, oldest first, and the event `change`. What came in a storm (`quiet`) or is read is left out.
 */
export type Notification = import("./store.js").Notification;
