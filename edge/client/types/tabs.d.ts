/** @extends {Emitter<import("./connection.js").ConnectionEvents>} */
export class SharedSocket extends Emitter<import("./connection.js").ConnectionEvents> {
    /** @param {string | null} url as for NotificationSocket @param {Options & {userId: number | string}} options */
    constructor(url: string | null, options: Options & {
        userId: number | string;
    });
    get state(): import("./connection.js").ConnectionState;
    /** How far this tab has received; null before it is known. */
    get cursor(): {
        epoch: string;
        seq: number;
    } | null;
    /** The user whose inbox this is; null while that is not known. */
    get userId(): string | null;
    /** Whether this tab holds the connection. */
    get leads(): boolean;
    connect(): void;
    close(): void;
    /** Find out anew who is signed in, with a fresh token. Until then nothing is emitted of anyone's inbox. */
    identify(): void;
    /**
     * Return true in one tab only, for something that all tabs have received and one should announce (a toast, a
     * celebration); preferably in a visible tab.
     * @param {string} key names the announcement
     * @returns {Promise<boolean>}
     */
    claim(key: string): Promise<boolean>;
    #private;
}
/**
 * One connection for all tabs of a browser.
 *
 * The tabs of a user elect a leader by a Web Lock. The leader holds the connection and passes on its frames over a
 * BroadcastChannel. When the leader goes, the browser grants the lock to the next tab, which resumes from its own
 * cursor. A visible tab that receives nothing asks the leader, and takes the lock over from one that does not answer,
 * because browsers suspend pages. Each tab keeps a cursor of its own: it drops frames that it has, and asks the leader,
 * who keeps the newest frames, for those that it lacks. So every tab sees the same log, each change once.
 *
 * Where a browser lacks Web Locks or BroadcastChannel, or refuses them, each tab has a connection of its own. The
 * interface is that of `NotificationSocket`.
 */
export type Options = import("./connection.js").Options;
/**
 * One connection for all tabs of a browser.
 *
 * The tabs of a user elect a leader by a Web Lock. The leader holds the connection and passes on its frames over a
 * BroadcastChannel. When the leader goes, the browser grants the lock to the next tab, which resumes from its own
 * cursor. A visible tab that receives nothing asks the leader, and takes the lock over from one that does not answer,
 * because browsers suspend pages. Each tab keeps a cursor of its own: it drops frames that it has, and asks the leader,
 * who keeps the newest frames, for those that it lacks. So every tab sees the same log, each change once.
 *
 * Where a browser lacks Web Locks or BroadcastChannel, or refuses them, each tab has a connection of its own. The
 * interface is that of `NotificationSocket`.
 */
export type ConnectionState = import("./connection.js").ConnectionState;
/**
 * One connection for all tabs of a browser.
 *
 * The tabs of a user elect a leader by a Web Lock. The leader holds the connection and passes on its frames over a
 * BroadcastChannel. When the leader goes, the browser grants the lock to the next tab, which resumes from its own
 * cursor. A visible tab that receives nothing asks the leader, and takes the lock over from one that does not answer,
 * because browsers suspend pages. Each tab keeps a cursor of its own: it drops frames that it has, and asks the leader,
 * who keeps the newest frames, for those that it lacks. So every tab sees the same log, each change once.
 *
 * Where a browser lacks Web Locks or BroadcastChannel, or refuses them, each tab has a connection of its own. The
 * interface is that of `NotificationSocket`.
 */
export type Cursor = import("./connection.js").Cursor;
import { Emitter } from "./emitter.js";
