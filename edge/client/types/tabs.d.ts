export class SharedSocket extends EventTarget {
    /** @param {string | null} url as for NotificationSocket @param {Options & {userId: string}} options */
    constructor(url: string | null, options: Options & {
        userId: string;
    });
    get state(): import("./socket.js").ConnectionState;
    /** How far this tab has received; null before it knows. */
    get cursor(): {
        epoch: string;
        seq: number;
    } | null;
    /** Whether this tab holds the connection. */
    get leads(): boolean;
    connect(): void;
    close(): void;
    /**
     * Whether this tab should announce something that all tabs have heard of (a toast, a celebration): true in one of
     * them, and rather in one that is seen.
     * @param {string} key names what is announced
     * @returns {Promise<boolean>}
     */
    claim(key: string): Promise<boolean>;
    #private;
}
/**
 * One connection for all tabs of a browser.
 *
 * The tabs of a user elect a leader by a Web Lock: whoever has it holds the connection and passes on what it says over a
 * BroadcastChannel. When the leader goes, the browser gives the lock to the next tab at once, which goes on from its own
 * cursor. Each tab keeps a cursor of its own and judges by it: what it has is dropped, and for what it lacks it asks the
 * leader, who keeps the newest frames, before it asks for the snapshot. So every tab sees the same log, each change once.
 *
 * The interface is that of `NotificationSocket`. Where a browser has no Web Locks or no BroadcastChannel, each tab has a
 * connection of its own.
 */
export type Options = import("./socket.js").Options;
/**
 * One connection for all tabs of a browser.
 *
 * The tabs of a user elect a leader by a Web Lock: whoever has it holds the connection and passes on what it says over a
 * BroadcastChannel. When the leader goes, the browser gives the lock to the next tab at once, which goes on from its own
 * cursor. Each tab keeps a cursor of its own and judges by it: what it has is dropped, and for what it lacks it asks the
 * leader, who keeps the newest frames, before it asks for the snapshot. So every tab sees the same log, each change once.
 *
 * The interface is that of `NotificationSocket`. Where a browser has no Web Locks or no BroadcastChannel, each tab has a
 * connection of its own.
 */
export type Cursor = import("./socket.js").Cursor;
/**
 * One connection for all tabs of a browser.
 *
 * The tabs of a user elect a leader by a Web Lock: whoever has it holds the connection and passes on what it says over a
 * BroadcastChannel. When the leader goes, the browser gives the lock to the next tab at once, which goes on from its own
 * cursor. Each tab keeps a cursor of its own and judges by it: what it has is dropped, and for what it lacks it asks the
 * leader, who keeps the newest frames, before it asks for the snapshot. So every tab sees the same log, each change once.
 *
 * The interface is that of `NotificationSocket`. Where a browser has no Web Locks or no BroadcastChannel, each tab has a
 * connection of its own.
 */
export type ConnectionState = import("./socket.js").ConnectionState;
/**
 * One connection for all tabs of a browser.
 *
 * The tabs of a user elect a leader by a Web Lock: whoever has it holds the connection and passes on what it says over a
 * BroadcastChannel. When the leader goes, the browser gives the lock to the next tab at once, which goes on from its own
 * cursor. Each tab keeps a cursor of its own and judges by it: what it has is dropped, and for what it lacks it asks the
 * leader, who keeps the newest frames, before it asks for the snapshot. So every tab sees the same log, each change once.
 *
 * The interface is that of `NotificationSocket`. Where a browser has no Web Locks or no BroadcastChannel, each tab has a
 * connection of its own.
 */
export type Frame = import("./protocol.js").Frame;
