/** @extends {Emitter<{change: null}>} */
export class Arrivals extends Emitter<{
    change: null;
}> {
    /** @param {import("./connection.js").Listenable} store @param {readonly string[]} kinds @param {{claim?: (key: string) => Promise<boolean>} | null} [tabs] */
    constructor(store: import("./connection.js").Listenable, kinds: readonly string[], tabs?: {
        claim?: (key: string) => Promise<boolean>;
    } | null);
    /** Replaced, never changed. */
    get notifications(): readonly import("./applied.js").Notification[];
    /** Listen to the store; return a function that stops. */
    listen(): () => void;
    /** Note that all of them have been shown. */
    clear: () => void;
    #private;
}
/**
 * Notifications of some kinds that have just arrived, kept until they were shown.
 *
 * `notifications` are oldest first; `change` follows each change of them. Those of a storm (`quiet`) and those that are
 * read are left out. With the connection that tabs share, a notification arrives in one tab only.
 */
export type Notification = import("./store.js").Notification;
import { Emitter } from "./emitter.js";
