/**
 * The effect of a frame on a list of notifications. Pure functions.
 *
 * @typedef {import("./protocol.js").Frame} Frame
 *
 * @typedef {import("./frames.js").Actor} Actor
 *
 * @typedef {object} Notification
 * @property {string} notificationId stays the same while further ones collapse into it
 * @property {number} seq of its last change of content: where it stands, and what "read through" is measured by
 * @property {string} notificationType
 * @property {string} createdAt ISO 8601, UTC
 * @property {boolean} isRead
 * @property {Record<string, any>} data
 * @property {Actor | null} actor
 * @property {string | null} messageId
 * @property {string | null} conversationId
 * @property {string | null} topic
 * @property {number} count how many it stands for
 * @property {Actor[]} [actors] the newest of those who did it, where it collapsed
 * @property {number} [actorCount] how many they are
 */
/**
 * A list of notifications, newest first, after a frame; the list itself is left as it is.
 * @param {readonly Notification[]} notifications
 * @param {Frame} frame
 * @returns {Notification[]}
 */
export function applied(notifications: readonly Notification[], frame: Frame): Notification[];
/** Whether one more collapsed into a notification: then the frame has all that is shown of it. @param {Frame} frame */
export function isGrown(frame: Frame): boolean;
/** @param {Frame} frame @returns {Notification} */
export function notificationOf({ type, unread, quiet, modified, ...notification }: Frame): Notification;
/**
 * The effect of a frame on a list of notifications. Pure functions.
 */
export type Frame = import("./protocol.js").Frame;
/**
 * The effect of a frame on a list of notifications. Pure functions.
 */
export type Actor = import("./frames.js").Actor;
/**
 * The effect of a frame on a list of notifications. Pure functions.
 */
export type Notification = {
    /**
     * stays the same while further ones collapse into it
     */
    notificationId: string;
    /**
     * of its last change of content: where it stands, and what "read through" is measured by
     */
    seq: number;
    notificationType: string;
    /**
     * ISO 8601, UTC
     */
    createdAt: string;
    isRead: boolean;
    data: Record<string, any>;
    actor: Actor | null;
    messageId: string | null;
    conversationId: string | null;
    topic: string | null;
    /**
     * how many it stands for
     */
    count: number;
    /**
     * the newest of those who did it, where it collapsed
     */
    actors?: import("./frames.js").Actor[] | undefined;
    /**
     * how many they are
     */
    actorCount?: number | undefined;
};
