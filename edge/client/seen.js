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
export const UNSEEN_MAX = 100;

export class Seen {
  /** All up to this seq was seen. */ through = 0;
  /** Unseen ones that are older than the list. */ #older = 0;

  /** @param {readonly Notification[]} notifications of the list */
  count(notifications) {
    return Math.min(UNSEEN_MAX, this.#older + this.#in(notifications));
  }

  /**
   * Start from a snapshot. @param {{seen?: number, unseen?: number}} snapshot @param {readonly Notification[]} kept
   */
  start({ seen = 0, unseen }, kept) {
    this.through = seen;
    const listed = this.#in(kept);
    this.#older = Math.max(0, (unseen ?? listed) - listed);
  }

  /**
   * Follow a frame; return whether only a snapshot shows how many of the older ones are unseen now.
   * @param {Frame} frame @param {readonly Notification[]} before @param {readonly Notification[]} after
   * @param {number} limit of the list: later rows of `after` leave it
   */
  follow(frame, before, after, limit) {
    if (frame.type === "INBOX_SEEN") this.through = Math.max(this.through, frame.through);
    const doubt = this.#doubts(frame, before);
    this.#older += this.#in(after.slice(limit));
    return doubt;
  }

  /** @param {Frame} frame @param {readonly Notification[]} list */
  #doubts({ type, through, topic, notificationType, notificationId, isRead }, list) {
    const oldest = list.at(-1)?.seq ?? 0;
    switch (type) {
      case "INBOX_SEEN":
      case "NOTIFICATIONS_READ":
        if (this.#older === 0) return false;
        if (through < oldest || topic || notificationType) return true;
        this.#older = 0;
        return false;
      case "NOTIFICATION_UPDATED":
      case "NOTIFICATION_DELETED": {
        if (list.some((one) => one.notificationId === notificationId)) return false;
        const comesBack = isRead === false && notificationType === undefined && oldest > this.through;
        return this.#older > 0 || comesBack;
      }
      default:
        return false;
    }
  }

  /** @param {readonly Notification[]} notifications */
  #in(notifications) {
    return notifications.reduce((sum, one) => sum + (!one.isRead && one.seq > this.through ? 1 : 0), 0);
  }
}
