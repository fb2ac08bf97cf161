/**
 * Counts the notifications that the user has not seen: unread, and above the seq that was seen last.
 *
 * Those in the store's list are counted there. Of those that are older than the list only the number is known, from the
 * snapshot and from rows that left the list. A frame that may concern one of them leaves a doubt, which the next
 * snapshot ends.
 *
 * @typedef {import("./protocol.js").Frame} Frame
 * @typedef {import("./applied.js").Notification} Notification
 */
/** More are not counted, here as on the server. */
export const UNSEEN_MAX: 100;
export class Seen {
    /** All up to this seq was seen. */ through: number;
    /** @param {readonly Notification[]} notifications of the list */
    count(notifications: readonly Notification[]): number;
    /**
     * Start from a snapshot. @param {{seen?: number, unseen?: number}} snapshot @param {readonly Notification[]} kept
     */
    start({ seen, unseen }: {
        seen?: number;
        unseen?: number;
    }, kept: readonly Notification[]): void;
    /**
     * Follow a frame; return whether only a snapshot shows how many of the older ones are unseen now.
     * @param {Frame} frame @param {readonly Notification[]} before @param {readonly Notification[]} after
     * @param {number} limit of the list: later rows of `after` leave it
     */
    follow(frame: Frame, before: readonly Notification[], after: readonly Notification[], limit: number): boolean;
    #private;
}
/**
 * Counts the notifications that the user has not seen: unread, and above the seq that was seen last.
 *
 * Those in the store's list are counted there. Of those that are older than the list only the number is known, from the
 * snapshot and from rows that left the list. A frame that may concern one of them leaves a doubt, which the next
 * snapshot ends.
 */
export type Frame = import("./protocol.js").Frame;
/**
 * Counts the notifications that the user has not seen: unread, and above the seq that was seen last.
 *
 * Those in the store's list are counted there. Of those that are older than the list only the number is known, from the
 * snapshot and from rows that left the list. A frame that may concern one of them leaves a doubt, which the next
 * snapshot ends.
 */
export type Notification = import("./applied.js").Notification;
