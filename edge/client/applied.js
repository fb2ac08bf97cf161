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
export function applied(notifications, frame) {
  switch (frame.type) {
    case "NOTIFICATION_CREATED":
      return onTop(notifications, frame);
    case "NOTIFICATION_UPDATED": {
      if (isGrown(frame)) return onTop(notifications, frame);
      const { notificationId, isRead } = frame;
      return notifications.map((one) => (one.notificationId === notificationId ? { ...one, isRead } : one));
    }
    case "NOTIFICATIONS_READ":
      return notifications.map((one) => (isCovered(one, frame) ? { ...one, isRead: true } : one));
    case "NOTIFICATION_DELETED":
      return notifications.filter((one) => one.notificationId !== frame.notificationId);
    default:
      return [...notifications]; // INBOX_SEEN, or a later protocol's: its seq and unread count all the same
  }
}

/** Whether one more collapsed into a notification: then the frame has all that is shown of it. @param {Frame} frame */
export function isGrown(frame) {
  return frame.type === "NOTIFICATION_UPDATED" && frame.notificationType !== undefined;
}

/** @param {readonly Notification[]} notifications @param {Frame} frame */
function onTop(notifications, frame) {
  return [notificationOf(frame), ...notifications.filter((one) => one.notificationId !== frame.notificationId)];
}

/** @param {Notification} one @param {Frame} frame */
function isCovered(one, { through, topic, notificationType }) {
  return (
    one.seq <= through &&
    (topic === null || topic === one.topic) &&
    (notificationType === null || notificationType === one.notificationType)
  );
}

/** @param {Frame} frame @returns {Notification} */
export function notificationOf({ type, unread, quiet, modified, ...notification }) {
  return /** @type {any} */ (notification);
}
