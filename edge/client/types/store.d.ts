export { applied };
/** @extends {Emitter<StoreEvents>} */
export class NotificationStore extends Emitter<StoreEvents> {
    /** @param {StoreOptions} options */
    constructor(options: StoreOptions);
    /** Newest first; replaced, never changed, when something changes. */
    get notifications(): import("./applied.js").Notification[];
    get unread(): number;
    /** How many unread ones the user has not seen, at most 100. */
    get unseen(): number;
    /** The user of the last snapshot; null before it. */
    get userId(): string | null;
    /** Notifications that are kept at most. */
    get limit(): number;
    /** How far this store is; give it to the socket as `since` and `epoch`. Null before the first snapshot. */
    get cursor(): {
        epoch: string;
        seq: number;
    } | null;
    /**
     * Follow a connection; return a function that stops following.
     * @param {Connection} socket
     */
    attach(socket: Connection): () => void;
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
 * A user's newest notifications and unread count, kept current by a `NotificationSocket` or `SharedSocket`.
 *
 * `notifications` are newest first. `unread` is never counted here but taken from the frames; `unseen` is, by `seen.js`. Frames that arrive while
 * the snapshot is being read are held and applied after it, by seq, so that none is missed or applied twice. When
 * another user signs in, the store forgets everything and starts again from that user's snapshot.
 */
export type Cursor = import("./connection.js").Cursor;
/**
 * A user's newest notifications and unread count, kept current by a `NotificationSocket` or `SharedSocket`.
 *
 * `notifications` are newest first. `unread` is never counted here but taken from the frames; `unseen` is, by `seen.js`. Frames that arrive while
 * the snapshot is being read are held and applied after it, by seq, so that none is missed or applied twice. When
 * another user signs in, the store forgets everything and starts again from that user's snapshot.
 */
export type Connection = import("./connection.js").Connection;
/**
 * A user's newest notifications and unread count, kept current by a `NotificationSocket` or `SharedSocket`.
 *
 * `notifications` are newest first. `unread` is never counted here but taken from the frames; `unseen` is, by `seen.js`. Frames that arrive while
 * the snapshot is being read are held and applied after it, by seq, so that none is missed or applied twice. When
 * another user signs in, the store forgets everything and starts again from that user's snapshot.
 */
export type Frame = import("./protocol.js").Frame;
/**
 * A user's newest notifications and unread count, kept current by a `NotificationSocket` or `SharedSocket`.
 *
 * `notifications` are newest first. `unread` is never counted here but taken from the frames; `unseen` is, by `seen.js`. Frames that arrive while
 * the snapshot is being read are held and applied after it, by seq, so that none is missed or applied twice. When
 * another user signs in, the store forgets everything and starts again from that user's snapshot.
 */
export type StoreEvents = {
    /**
     * null after a snapshot, and when everything was forgotten
     */
    change: {
        frame: Frame | null;
    };
    /**
     * `quiet`: it came in a storm, so show it without a toast
     */
    created: {
        notification: Notification;
        quiet: boolean;
    };
    /**
     * one more event collapsed into it
     */
    grown: {
        notification: Notification;
        quiet: boolean;
    };
    /**
     * the snapshot could not be read
     */
    trouble: {
        error: unknown;
    };
};
/**
 * A user's newest notifications and unread count, kept current by a `NotificationSocket` or `SharedSocket`.
 *
 * `notifications` are newest first. `unread` is never counted here but taken from the frames; `unseen` is, by `seen.js`. Frames that arrive while
 * the snapshot is being read are held and applied after it, by seq, so that none is missed or applied twice. When
 * another user signs in, the store forgets everything and starts again from that user's snapshot.
 */
export type Notification = import("./applied.js").Notification;
/**
 * `user_id`: whose inbox it is; `unseen`: the number of unread ones above the seq `seen`
 */
export type Snapshot = {
    epoch: string;
    seq: number;
    unread: number;
    notifications: Notification[];
    user_id?: string;
    seen?: number;
    unseen?: number;
};
/**
 * A user's newest notifications and unread count, kept current by a `NotificationSocket` or `SharedSocket`.
 *
 * `notifications` are newest first. `unread` is never counted here but taken from the frames; `unseen` is, by `seen.js`. Frames that arrive while
 * the snapshot is being read are held and applied after it, by seq, so that none is missed or applied twice. When
 * another user signs in, the store forgets everything and starts again from that user's snapshot.
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
import { applied } from "./applied.js";
import { Emitter } from "./emitter.js";
