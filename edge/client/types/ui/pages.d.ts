/** @param {string} tab */
export function isKind(tab: string): boolean;
export const ALL: "all";
export const UNREAD: "unread";
/** @extends {Emitter<{change: null}>} */
export class Pages extends Emitter<{
    change: null;
}> {
    /** @param {import("../store.js").NotificationStore} store @param {any} api */
    constructor(store: import("../store.js").NotificationStore, api: any);
    /** @type {readonly Notification[]} newest first */ rows: readonly Notification[];
    /** Whether there may be older ones. */ more: boolean;
    /** Whether a page is being read. */ busy: boolean;
    /** Whether the last page could not be read. */ failed: boolean;
    /** A kind, or one of the above. */ tab: string;
    /** Follow the store until the signal. @param {AbortSignal} signal */
    listen(signal: AbortSignal): void;
    /** Show the first page of a tab. @param {string} tab */
    show(tab: string): undefined;
    /** Read the next page, or again the one that failed. */
    older(): void;
    #private;
}
/**
 * The notifications of one tab of a list, page by page, following the frames of a store.
 *
 * The first page of "all" is that of the store; other tabs and older pages are read over HTTP. Frames that arrive while
 * a page is being read are applied after it. A long list is cut where frames make it longer than the pages that were
 * read.
 */
export type Notification = import("../store.js").Notification;
/**
 * The notifications of one tab of a list, page by page, following the frames of a store.
 *
 * The first page of "all" is that of the store; other tabs and older pages are read over HTTP. Frames that arrive while
 * a page is being read are applied after it. A long list is cut where frames make it longer than the pages that were
 * read.
 */
export type Frame = import("../protocol.js").Frame;
import { Emitter } from "../emitter.js";
