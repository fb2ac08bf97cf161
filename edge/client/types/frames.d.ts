export namespace CLOSE {
    let NORMAL: 1000;
    let NO_TOKEN: 4001;
    let BAD_TOKEN: 4002;
    let REVOKED: 4003;
    let SILENT: 4008;
    let TOO_SLOW: 4009;
    let GOING_AWAY: 4012;
    let MESSAGE_TOO_LARGE: 4013;
    let TOO_MANY: 4029;
}
/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 */
export type Actor = {
    id: string;
    username: string | null;
};
/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 */
export type AuthFailure = "MISSING" | "EXPIRED" | "INVALID" | "USER_MISMATCH" | "REVOKED";
/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 */
export type ResyncReason = "EPOCH" | "AHEAD" | "PURGED" | "BEHIND";
/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 */
export type Connected = {
    type: "CONNECTED";
    user_id: string;
    session_id: string;
    protocol: number;
    epoch: string;
    seq: number;
    unread: number;
    unseen: number;
    heartbeat_seconds: number;
    resumed: boolean;
};
/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 */
export type NotificationCreated = {
    type: "NOTIFICATION_CREATED";
    seq: number;
    unread: number;
    notificationId: string;
    isRead: boolean;
    quiet: boolean;
    count: number;
    notificationType: string;
    createdAt: string;
    data: Record<string, any>;
    actor: Actor | null;
    messageId: string | null;
    conversationId: string | null;
    topic: string | null;
};
/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 */
export type NotificationUpdated = {
    type: "NOTIFICATION_UPDATED";
    seq: number;
    unread: number;
    notificationId: string;
    isRead: boolean;
    modified: string;
    quiet?: boolean | undefined;
    count?: number | undefined;
    actors?: Actor[] | undefined;
    actorCount?: number | undefined;
    notificationType?: string | undefined;
    createdAt?: string | undefined;
    data?: Record<string, any> | undefined;
    actor?: Actor | null | undefined;
    messageId?: string | null | undefined;
    conversationId?: string | null | undefined;
    topic?: string | null | undefined;
};
/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 */
export type NotificationsRead = {
    type: "NOTIFICATIONS_READ";
    seq: number;
    unread: number;
    through: number;
    topic: string | null;
    notificationType: null | string;
};
/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 */
export type InboxSeen = {
    type: "INBOX_SEEN";
    seq: number;
    unread: number;
    unseen: number;
    through: number;
};
/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 */
export type NotificationDeleted = {
    type: "NOTIFICATION_DELETED";
    seq: number;
    unread: number;
    notificationId: string;
};
/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 */
export type Resync = {
    type: "RESYNC";
    epoch: string;
    seq: number;
    unread: number;
    unseen: number;
    reason: ResyncReason;
};
/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 */
export type AuthOk = {
    type: "AUTH_OK";
    user_id: string;
    username: string;
    refreshed: boolean;
};
/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 */
export type AuthFailed = {
    type: "AUTH_FAILED";
    reason: AuthFailure;
};
/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 */
export type AuthRefreshRequired = {
    type: "AUTH_REFRESH_REQUIRED";
    grace_seconds: number;
};
/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 */
export type RateLimited = {
    type: "RATE_LIMITED";
    retry_after_seconds: number;
};
/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 */
export type GoingAway = {
    type: "GOING_AWAY";
    reconnect_after_seconds: number;
};
/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 */
export type Closed = {
    type: "CLOSED";
    code: number;
};
/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 */
export type Pong = {
    type: "pong";
};
/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 */
export type HeartbeatAck = {
    type: "heartbeat_ack";
    session_id: string;
};
/**
 * Every frame of the wire, version 1, its close codes and reasons. Made from the Python source by `make client`: change
 * `shared/protocol.py`, not this.
 */
export type ServerFrame = Connected | NotificationCreated | NotificationUpdated | NotificationsRead | InboxSeen | NotificationDeleted | Resync | AuthOk | AuthFailed | AuthRefreshRequired | RateLimited | GoingAway | Closed | Pong | HeartbeatAck;
