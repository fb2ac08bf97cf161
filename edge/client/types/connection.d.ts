/**
 * The types that `NotificationSocket` and `SharedSocket` share: their options, states and events.
 */
export type ConnectionState = "disconnected" | "connecting" | "connected" | "reconnecting" | "error";
/**
 * The types that `NotificationSocket` and `SharedSocket` share: their options, states and events.
 */
export type Cursor = {
    epoch: string;
    seq: number;
};
/**
 * The types that `NotificationSocket` and `SharedSocket` share: their options, states and events.
 */
export type Frame = import("./protocol.js").Frame;
/**
 * The types that `NotificationSocket` and `SharedSocket` share: their options, states and events.
 */
export type Browser = import("./browser.js").Browser;
/**
 * `delaySeconds`: until the next attempt
 */
export type StateChange = {
    state: ConnectionState;
    previous: ConnectionState;
    reason: string;
    delaySeconds: number;
};
/**
 * The types that `NotificationSocket` and `SharedSocket` share: their options, states and events.
 */
export type ResyncRequest = {
    epoch: string;
    seq: number;
    unread?: number;
    reason: string;
};
/**
 * null while it is not known who is signed in
 */
export type UserChange = {
    userId: string | null;
    previous: string | null;
};
/**
 * The types that `NotificationSocket` and `SharedSocket` share: their options, states and events.
 */
export type ConnectionEvents = {
    statechange: StateChange;
    /**
     * the frame CONNECTED
     */
    connected: Frame;
    /**
     * a frame that changes the inbox
     */
    frame: Frame;
    resync: ResyncRequest;
    /**
     * `getToken` or `getTicket` failed; it is called again
     */
    trouble: {
        error: unknown;
    };
    /**
     * all that was shown belongs to another user: clear it
     */
    userchange: UserChange;
};
/**
 * The types that `NotificationSocket` and `SharedSocket` share: their options, states and events.
 */
export type Options = {
    /**
     * as the first argument
     */
    url?: string | null | undefined;
    /**
     * a fresh token; null while there is none: then it is called again.
     * Without `getToken` the session's cookie opens the connection
     */
    getToken?: (() => Promise<string | null>) | undefined;
    /**
     * a fresh ticket for an event stream, whose address has to hold it;
     * by default the token
     */
    getTicket?: (() => Promise<string | null>) | undefined;
    /**
     * seq of the snapshot to resume from
     */
    since?: string | number | undefined;
    /**
     * epoch of that snapshot
     */
    epoch?: string | number | undefined;
    /**
     * the user whose inbox the page shows; by default the first who is connected
     */
    userId?: string | number | null | undefined;
    /**
     * the ceilings of the delay before each further attempt
     */
    backoffSeconds?: number[] | undefined;
    /**
     * where the cursor is kept across page loads, for example
     * `() => localStorage`
     */
    storage?: Storage | (() => Storage) | undefined;
    browser?: Partial<import("./browser.js").Browser> | undefined;
};
/**
 * The types that `NotificationSocket` and `SharedSocket` share: their options, states and events.
 */
export type Listenable = {
    addEventListener: (type: string, listener: EventListenerOrEventListenerObject | null) => void;
    removeEventListener: (type: string, listener: EventListenerOrEventListenerObject | null) => void;
};
/**
 * as far as a store needs it
 */
export type Connection = Listenable & {
    userId?: string | null;
    identify?: () => void;
};
