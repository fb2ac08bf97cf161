/** Return the inbox of these settings, the same for all elements of the page. @param {Settings} settings */
export function inboxOf(settings: Settings): LiveInbox;
/** Return the inbox of a store and a connection, the same for the same store. @param {LiveInbox | {store: Store, socket: Socket, api?: Api}} given */
export function inboxFrom(given: LiveInbox | {
    store: Store;
    socket: Socket;
    api?: Api;
}): LiveInbox;
/** @extends {Emitter<LiveEvents>} */
export class LiveInbox extends Emitter<LiveEvents> {
    /**
     * @param {Settings | {store: Store, socket: Socket, api?: Api}} given settings; or a store and a connection of the
     *   page's own, which the page opens and closes
     */
    constructor(given: Settings | {
        store: Store;
        socket: Socket;
        api?: Api;
    });
    /** @type {Store} */ store: Store;
    /** @type {Api} */ api: Api;
    /** @type {Socket | null} null until the first snapshot was read */ socket: Socket | null;
    mutes: Mutes;
    /** Whether the user is signed out: the connection then asks again from time to time. */ signedOut: boolean;
    /** The element that announces arrivals to screen readers. @type {object | null} */ announcer: object | null;
    /** The connection's state, or "signed out". */
    get state(): string;
    /** The number of unread notifications, without those that are not shown. */
    get unread(): number;
    /** @param {import("../store.js").Notification} notification */
    isRemoved({ notificationId }: import("../store.js").Notification): boolean;
    /** Show a notification no more, or again; this saves nothing. @param {string} id @param {boolean} removed */
    setRemoved(id: string, removed: boolean): void;
    retain(): void;
    release(): void;
    /** Carry out a change; return whether it was saved. @param {Promise<any>} change */
    act(change: Promise<any>): Promise<boolean>;
    /** Carry out a change; return its error, or null. While no frame can bring it back, the snapshot does. @param {Promise<any>} change @returns {Promise<unknown>} */
    failureOf(change: Promise<any>): Promise<unknown>;
    /** Mark all as seen that this store has. */
    seen(): void;
    #private;
}
/**
 * One inbox of a page, live: a store, the connection that all tabs share, and the API. Elements with the same addresses
 * and user share it.
 *
 * The snapshot is read first and the connection resumes from its cursor. Changes go over HTTP and come back as frames.
 */
export type Listenable = import("../connection.js").Listenable;
/**
 * One inbox of a page, live: a store, the connection that all tabs share, and the API. Elements with the same addresses
 * and user share it.
 *
 * The snapshot is read first and the connection resumes from its cursor. Changes go over HTTP and come back as frames.
 */
export type Store = import("../store.js").NotificationStore;
/**
 * One inbox of a page, live: a store, the connection that all tabs share, and the API. Elements with the same addresses
 * and user share it.
 *
 * The snapshot is read first and the connection resumes from its cursor. Changes go over HTTP and come back as frames.
 */
export type Socket = Listenable & {
    state: string;
    userId?: string | null;
    claim?: (key: string) => Promise<boolean>;
    connect?: () => void;
    close?: () => void;
};
/**
 * One inbox of a page, live: a store, the connection that all tabs share, and the API. Elements with the same addresses
 * and user share it.
 *
 * The snapshot is read first and the connection resumes from its cursor. Changes go over HTTP and come back as frames.
 */
export type Settings = {
    api: string;
    /**
     * of the edge
     */
    url: string | null;
    user: string | null;
    csrf: () => string | null;
    /**
     * whether tokens of the API open the connection, instead of the session's cookie
     */
    tokens: boolean;
    getToken: (() => Promise<string | null>) | null;
};
/**
 * One inbox of a page, live: a store, the connection that all tabs share, and the API. Elements with the same addresses
 * and user share it.
 *
 * The snapshot is read first and the connection resumes from its cursor. Changes go over HTTP and come back as frames.
 */
export type LiveEvents = {
    state: {
        state: string;
    };
    trouble: {
        error: unknown;
    };
    userchange: {
        userId: string | null;
    };
    mutes: null;
    removed: null;
};
import { Api } from "./api.js";
import { Emitter } from "../emitter.js";
import { Mutes } from "./mutes.js";
