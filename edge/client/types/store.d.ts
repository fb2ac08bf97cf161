/**
 * A list of notifications, newest first, after a frame; the list itself is left as it is.
 * @param {readonly Notification[]} notifications
 * @param {Frame} frame
 * @returns {Notification[]}
 */
export function applied(notifications: readonly Notification[], frame: Frame): Notification[];
export class NotificationStore extends EventTarget {
    /** @param {StoreOptions} options */
    constructor(options: StoreOptions);
    /** Newest first; replaced, never changed, when something changes. */
    get notifications(): Notification[];
    get unread(): number;
    /** How far this store is; give it to the socket as `since` and `epoch`. Null before the first snapshot. */
    get cursor(): {
        epoch: string;
        seq: number;
    } | null;
    /**
     * Follow a socket; the answer stops following.
     * @param {NotificationSocket} socket
     */
    attach(socket: NotificationSocket): () => void;
    /** Read the snapshot once; rejects where it cannot be read, and nothing has changed then. */
    load(): Promise<void>;
    /**
     * Apply a frame, in order; one that was seen before is dropped.
     * @param {Frame} frame
     */
    apply(frame: Frame): void;
    #private;
}
/**
 * A user's newest notifications and unread count, kept current by a `NotificationSocket`.
 *
 * Enters: a function that reads the snapshot (`GET /api/inbox`), and the frames of a socket. Leaves: `notifications`,
 * newest first, and `unread`, which is never counted here but taken from the frames. What arrives while the snapshot is
 * being read is held and applied after it, by seq, so that nothing in between is missed or applied twice.
 *
 * Events: `change` {frame} (null after a snapshot), `created` {notification, quiet}, `grown` {notification, quiet}: one
 * more collapsed into it, `trouble` {error}. What is `quiet` came in a storm: it is shown, and not announced.
 */
export type Frame = import("./notifications.js").Frame;
/**
 * A user's newest notifications and unread count, kept current by a `NotificationSocket`.
 *
 * Enters: a function that reads the snapshot (`GET /api/inbox`), and the frames of a socket. Leaves: `notifications`,
 * newest first, and `unread`, which is never counted here but taken from the frames. What arrives while the snapshot is
 * being read is held and applied after it, by seq, so that nothing in between is missed or applied twice.
 *
 * Events: `change` {frame} (null after a snapshot), `created` {notification, quiet}, `grown` {notification, quiet}: one
 * more collapsed into it, `trouble` {error}. What is `quiet` came in a storm: it is shown, and not announced.
 */
export type Cursor = import("./notifications.js").Cursor;
/**
 * A user's newest notifications and unread count, kept current by a `NotificationSocket`.
 *
 * Enters: a function that reads the snapshot (`GET /api/inbox`), and the frames of a socket. Leaves: `notifications`,
 * newest first, and `unread`, which is never counted here but taken from the frames. What arrives while the snapshot is
 * being read is held and applied after it, by seq, so that nothing in between is missed or applied twice.
 *
 * Events: `change` {frame} (null after a snapshot), `created` {notification, quiet}, `grown` {notification, quiet}: one
 * more collapsed into it, `trouble` {error}. What is `quiet` came in a storm: it is shown, and not announced.
 */
export type NotificationSocket = import("./notifications.js").NotificationSocket;
/**
 * A user's newest notifications and unread count, kept current by a `NotificationSocket`.
 *
 * Enters: a function that reads the snapshot (`GET /api/inbox`), and the frames of a socket. Leaves: `notifications`,
 * newest first, and `unread`, which is never counted here but taken from the frames. What arrives while the snapshot is
 * being read is held and applied after it, by seq, so that nothing in between is missed or applied twice.
 *
 * Events: `change` {frame} (null after a snapshot), `created` {notification, quiet}, `grown` {notification, quiet}: one
 * more collapsed into it, `trouble` {error}. What is `quiet` came in a storm: it is shown, and not announced.
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
    actor: {
        id: string;
        username: string;
    } | null;
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
    actors?: {
        id: string;
        username: string;
    }[] | undefined;
    /**
     * how many they are
     */
    actorCount?: number | undefined;
};
/**
 * A user's newest notifications and unread count, kept current by a `NotificationSocket`.
 *
 * Enters: a function that reads the snapshot (`GET /api/inbox`), and the frames of a socket. Leaves: `notifications`,
 * newest first, and `unread`, which is never counted here but taken from the frames. What arrives while the snapshot is
 * being read is held and applied after it, by seq, so that nothing in between is missed or applied twice.
 *
 * Events: `change` {frame} (null after a snapshot), `created` {notification, quiet}, `grown` {notification, quiet}: one
 * more collapsed into it, `trouble` {error}. What is `quiet` came in a storm: it is shown, and not announced.
 */
export type Snapshot = {
    epoch: string;
    seq: number;
    unread: number;
    notifications: Notification[];
};
/**
 * A user's newest notifications and unread count, kept current by a `NotificationSocket`.
 *
 * Enters: a function that reads the snapshot (`GET /api/inbox`), and the frames of a socket. Leaves: `notifications`,
 * newest first, and `unread`, which is never counted here but taken from the frames. What arrives while the snapshot is
 * being read is held and applied after it, by seq, so that nothing in between is missed or applied twice.
 *
 * Events: `change` {frame} (null after a snapshot), `created` {notification, quiet}, `grown` {notification, quiet}: one
 * more collapsed into it, `trouble` {error}. What is `quiet` came in a storm: it is shown, and not announced.
 */
export type StoreOptions = {
    loadSnapshot: () => Promise<Snapshot>;
    /**
     * notifications kept
     */
    limit?: number | undefined;
    /**
     * show nothing while the connection is lost, and the snapshot when it is back
     */
    clearOnReconnect?: boolean | undefined;
    /**
     * delays after the snapshot could not be read; the last one is repeated
     */
    retrySeconds?: number[] | undefined;
    setTimeout?: ((callback: () => void, milliseconds: number) => any) | undefined;
};
