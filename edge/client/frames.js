/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 *
 * @typedef {{id: string, username: string | null}} Actor
 * @typedef {"MISSING" | "EXPIRED" | "INVALID" | "USER_MISMATCH" | "REVOKED"} AuthFailure
 * @typedef {"EPOCH" | "AHEAD" | "PURGED" | "BEHIND"} ResyncReason
 *
 * @typedef {object} Connected
 * @property {"CONNECTED"} type
 * @property {string} user_id
 * @property {string} session_id
 * @property {number} protocol
 * @property {string} epoch
 * @property {number} seq
 * @property {number} unread
 * @property {number} unseen
 * @property {number} heartbeat_seconds
 * @property {boolean} resumed
 *
 * @typedef {object} NotificationCreated
 * @property {"NOTIFICATION_CREATED"} type
 * @property {number} seq
 * @property {number} unread
 * @property {string} notificationId
 * @property {boolean} isRead
 * @property {boolean} quiet
 * @property {number} count
 * @property {string} notificationType
 * @property {string} createdAt
 * @property {Record<string, any>} data
 * @property {Actor | null} actor
 * @property {string | null} messageId
 * @property {string | null} conversationId
 * @property {string | null} topic
 *
 * @typedef {object} NotificationUpdated
 * @property {"NOTIFICATION_UPDATED"} type
 * @property {number} seq
 * @property {number} unread
 * @property {string} notificationId
 * @property {boolean} isRead
 * @property {string} modified
 * @property {boolean} [quiet]
 * @property {number} [count]
 * @property {Actor[]} [actors]
 * @property {number} [actorCount]
 * @property {string} [notificationType]
 * @property {string} [createdAt]
 * @property {Record<string, any>} [data]
 * @property {Actor | null} [actor]
 * @property {string | null} [messageId]
 * @property {string | null} [conversationId]
 * @property {string | null} [topic]
 *
 * @typedef {object} NotificationsRead
 * @property {"NOTIFICATIONS_READ"} type
 * @property {number} seq
 * @property {number} unread
 * @property {number} through
 * @property {string | null} topic
 * @property {null | string} notificationType
 *
 * @typedef {object} InboxSeen
 * @property {"INBOX_SEEN"} type
 * @property {number} seq
 * @property {number} unread
 * @property {number} unseen
 * @property {number} through
 *
 * @typedef {object} NotificationDeleted
 * @property {"NOTIFICATION_DELETED"} type
 * @property {number} seq
 * @property {number} unread
 * @property {string} notificationId
 *
 * @typedef {object} Resync
 * @property {"RESYNC"} type
 * @property {string} epoch
 * @property {number} seq
 * @property {number} unread
 * @property {number} unseen
 * @property {ResyncReason} reason
 *
 * @typedef {object} AuthOk
 * @property {"AUTH_OK"} type
 * @property {string} user_id
 * @property {string} username
 * @property {boolean} refreshed
 *
 * @typedef {object} AuthFailed
 * @property {"AUTH_FAILED"} type
 * @property {AuthFailure} reason
 *
 * @typedef {object} AuthRefreshRequired
 * @property {"AUTH_REFRESH_REQUIRED"} type
 * @property {number} grace_seconds
 *
 * @typedef {object} RateLimited
 * @property {"RATE_LIMITED"} type
 * @property {number} retry_after_seconds
 *
 * @typedef {object} GoingAway
 * @property {"GOING_AWAY"} type
 * @property {number} reconnect_after_seconds
 *
 * @typedef {object} Closed
 * @property {"CLOSED"} type
 * @property {number} code
 *
 * @typedef {object} Pong
 * @property {"pong"} type
 *
 * @typedef {object} HeartbeatAck
 * @property {"heartbeat_ack"} type
 * @property {string} session_id
 *
 * @typedef {Connected | NotificationCreated | NotificationUpdated | NotificationsRead | InboxSeen
 *   | NotificationDeleted | Resync | AuthOk | AuthFailed | AuthRefreshRequired | RateLimited | GoingAway | Closed
 *   | Pong | HeartbeatAck} ServerFrame
 */

/** @readonly */
export const CLOSE = /** @type {const} */ ({
  NORMAL: 1000,
  NO_TOKEN: 4001,
  BAD_TOKEN: 4002,
  REVOKED: 4003,
  SILENT: 4008,
  TOO_SLOW: 4009,
  GOING_AWAY: 4012,
  MESSAGE_TOO_LARGE: 4013,
  TOO_MANY: 4029,
});
