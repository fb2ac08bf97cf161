/** Why a change was not saved. @param {unknown} error @param {import("./words.js").Words} words */
export function notSaved(error: unknown, words: import("./words.js").Words): string;
/**
 * The HTTP API of an inbox: reads and changes, with the session's cookie and a CSRF token, or with a token.
 *
 * @typedef {object} ApiOptions
 * @property {string} [base] the address below which the API is; "/api/"
 * @property {() => string | null} [csrf] the CSRF token of the page
 * @property {(() => Promise<string | null>) | null} [getToken] a Bearer token instead of the session
 */
/** Notifications of one page. */
export const PAGE: 50;
export class HttpError extends Error {
    /** @param {number} status @param {string} [reason] of the server, in words */
    constructor(status: number, reason?: string);
    status: number;
    reason: string;
    /** Whether the user of the page is no longer signed in. */
    get isRefusal(): boolean;
}
export class Api {
    /** @param {ApiOptions} options */
    constructor({ base, csrf, getToken }?: ApiOptions);
    snapshot: () => Promise<any>;
    /** @param {Record<string, string | number | boolean | undefined>} query */
    page(query: Record<string, string | number | boolean | undefined>): Promise<any>;
    /** @param {string} id @param {boolean} isRead */
    setRead: (id: string, isRead: boolean) => Promise<any>;
    /** @param {string} id */
    remove: (id: string) => Promise<any>;
    /** Mark read what has arrived so far. @param {{through?: number, topic?: string, kind?: string}} which */
    readAll: (which: {
        through?: number;
        topic?: string;
        kind?: string;
    }) => Promise<any>;
    /** @param {{through?: number}} which */
    seen: (which: {
        through?: number;
    }) => Promise<any>;
    /** @returns {Promise<{id: number, kind: string | null, topic: string | null}[]>} */
    mutes: () => Promise<{
        id: number;
        kind: string | null;
        topic: string | null;
    }[]>;
    /** @param {{kind?: string, topic?: string}} which */
    mute: (which: {
        kind?: string;
        topic?: string;
    }) => Promise<any>;
    /** @param {number} id */
    unmute: (id: number) => Promise<any>;
    /** A token for the user who is signed in now; null without one. */
    token: () => Promise<string | null>;
    /** The same, as a ticket for one connection: it may stand in the address of an event stream. */
    ticket: () => Promise<string | null>;
    #private;
}
/**
 * The HTTP API of an inbox: reads and changes, with the session's cookie and a CSRF token, or with a token.
 */
export type ApiOptions = {
    /**
     * the address below which the API is; "/api/"
     */
    base?: string | undefined;
    /**
     * the CSRF token of the page
     */
    csrf?: (() => string | null) | undefined;
    /**
     * a Bearer token instead of the session
     */
    getToken?: (() => Promise<string | null>) | null | undefined;
};
