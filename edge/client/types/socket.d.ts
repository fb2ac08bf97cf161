export class NotificationSocket extends EventTarget {
    /**
     * @param {string | null} url of the edge, absolute or relative to the page; null: the usual path on the page's host
     * @param {Options} options
     */
    constructor(url: string | null, options: Options);
    get state(): ConnectionState;
    /** How far this socket has received; null before it knows. */
    get cursor(): {
        epoch: string;
        seq: number;
    } | null;
    /** Connect, and stay connected until `close()` or a terminal refusal; after either, connects anew. */
    connect(): void;
    /** Disconnect for good; the cursor is kept. */
    close(): void;
    #private;
}
/**
 * One socket to one user's inbox.
 *
 * Enters: the edge's address and a function that gets a token. Leaves: the changes of the inbox as `frame` events,
 * each once and in order, whatever happens to the connection in between: it reconnects by itself and resumes from its
 * cursor. Where the edge cannot fill what was missed, a `resync` event asks for the snapshot (`store.js` reads it).
 *
 * Events: `statechange` {state, previous, reason, delaySeconds}, `connected` (the frame CONNECTED), `frame` (a frame
 * that changes the inbox), `resync` {epoch, seq, unread, reason}.
 */
export type ConnectionState = "disconnected" | "connecting" | "connected" | "reconnecting" | "error";
/**
 * One socket to one user's inbox.
 *
 * Enters: the edge's address and a function that gets a token. Leaves: the changes of the inbox as `frame` events,
 * each once and in order, whatever happens to the connection in between: it reconnects by itself and resumes from its
 * cursor. Where the edge cannot fill what was missed, a `resync` event asks for the snapshot (`store.js` reads it).
 *
 * Events: `statechange` {state, previous, reason, delaySeconds}, `connected` (the frame CONNECTED), `frame` (a frame
 * that changes the inbox), `resync` {epoch, seq, unread, reason}.
 */
export type Cursor = {
    epoch: string;
    seq: number;
};
/**
 * One socket to one user's inbox.
 *
 * Enters: the edge's address and a function that gets a token. Leaves: the changes of the inbox as `frame` events,
 * each once and in order, whatever happens to the connection in between: it reconnects by itself and resumes from its
 * cursor. Where the edge cannot fill what was missed, a `resync` event asks for the snapshot (`store.js` reads it).
 *
 * Events: `statechange` {state, previous, reason, delaySeconds}, `connected` (the frame CONNECTED), `frame` (a frame
 * that changes the inbox), `resync` {epoch, seq, unread, reason}.
 */
export type Frame = import("./protocol.js").Frame;
/**
 * One socket to one user's inbox.
 *
 * Enters: the edge's address and a function that gets a token. Leaves: the changes of the inbox as `frame` events,
 * each once and in order, whatever happens to the connection in between: it reconnects by itself and resumes from its
 * cursor. Where the edge cannot fill what was missed, a `resync` event asks for the snapshot (`store.js` reads it).
 *
 * Events: `statechange` {state, previous, reason, delaySeconds}, `connected` (the frame CONNECTED), `frame` (a frame
 * that changes the inbox), `resync` {epoch, seq, unread, reason}.
 */
export type Browser = import("./browser.js").Browser;
/**
 * One socket to one user's inbox.
 *
 * Enters: the edge's address and a function that gets a token. Leaves: the changes of the inbox as `frame` events,
 * each once and in order, whatever happens to the connection in between: it reconnects by itself and resumes from its
 * cursor. Where the edge cannot fill what was missed, a `resync` event asks for the snapshot (`store.js` reads it).
 *
 * Events: `statechange` {state, previous, reason, delaySeconds}, `connected` (the frame CONNECTED), `frame` (a frame
 * that changes the inbox), `resync` {epoch, seq, unread, reason}.
 */
export type Options = {
    /**
     * as the first argument
     */
    url?: string | null | undefined;
    /**
     * a fresh token; null while there is none: then it is asked for again
     */
    getToken: () => Promise<string | null>;
    /**
     * seq of the snapshot to go on from
     */
    since?: number | undefined;
    /**
     * epoch of that snapshot
     */
    epoch?: string | undefined;
    /**
     * whose inbox it must be; by default whoever is connected first
     */
    userId?: string | undefined;
    /**
     * the ceilings of the delay before each further attempt
     */
    backoffSeconds?: number[] | undefined;
    /**
     * where the cursor is kept across page loads, by user: `localStorage`, for example
     */
    storage?: Storage | undefined;
    browser?: Partial<import("./browser.js").Browser> | undefined;
};
