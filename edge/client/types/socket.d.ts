/** @extends {Emitter<import("./connection.js").ConnectionEvents>} */
export class NotificationSocket extends Emitter<import("./connection.js").ConnectionEvents> {
    /**
     * @param {string | null} url of the edge, absolute or relative to the page; null: the usual path on the page's host
     * @param {Options} [options]
     */
    constructor(url: string | null, options?: Options);
    get state(): import("./connection.js").ConnectionState;
    /** How far this socket has received; null before it is known. */
    get cursor(): {
        epoch: string;
        seq: number;
    } | null;
    /** The user whose inbox this is; null while that is not known. */
    get userId(): string | null;
    /** Connect, and stay connected until `close()` or until access is revoked; after either, connect anew. */
    connect(): void;
    /** Disconnect for good; the cursor is kept. */
    close(): void;
    /** Find out anew who is signed in, with a fresh token. Until then nothing is emitted of anyone's inbox. */
    identify(): void;
    #private;
}
/**
 * One connection to one user's inbox.
 *
 * Emits the changes of the inbox as `frame` events, each once and in order, also across reconnects: it
 * reconnects by itself and resumes from its cursor. Where the edge cannot fill a gap, a `resync` event asks for the
 * snapshot (`store.js` reads it). Where another user is signed in, a `userchange` event comes before anything of theirs.
 */
export type ConnectionState = import("./connection.js").ConnectionState;
/**
 * One connection to one user's inbox.
 *
 * Emits the changes of the inbox as `frame` events, each once and in order, also across reconnects: it
 * reconnects by itself and resumes from its cursor. Where the edge cannot fill a gap, a `resync` event asks for the
 * snapshot (`store.js` reads it). Where another user is signed in, a `userchange` event comes before anything of theirs.
 */
export type Cursor = import("./connection.js").Cursor;
/**
 * One connection to one user's inbox.
 *
 * Emits the changes of the inbox as `frame` events, each once and in order, also across reconnects: it
 * reconnects by itself and resumes from its cursor. Where the edge cannot fill a gap, a `resync` event asks for the
 * snapshot (`store.js` reads it). Where another user is signed in, a `userchange` event comes before anything of theirs.
 */
export type Options = import("./connection.js").Options;
/**
 * One connection to one user's inbox.
 *
 * Emits the changes of the inbox as `frame` events, each once and in order, also across reconnects: it
 * reconnects by itself and resumes from its cursor. Where the edge cannot fill a gap, a `resync` event asks for the
 * snapshot (`store.js` reads it). Where another user is signed in, a `userchange` event comes before anything of theirs.
 */
export type Frame = import("./protocol.js").Frame;
/**
 * One connection to one user's inbox.
 *
 * Emits the changes of the inbox as `frame` events, each once and in order, also across reconnects: it
 * reconnects by itself and resumes from its cursor. Where the edge cannot fill a gap, a `resync` event asks for the
 * snapshot (`store.js` reads it). Where another user is signed in, a `userchange` event comes before anything of theirs.
 */
export type Browser = import("./browser.js").Browser;
import { Emitter } from "./emitter.js";
