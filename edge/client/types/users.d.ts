/**
 * Announce who is signed in, from a page without a connection.
 * @param {number | string | null} userId null: the user has signed out
 * @param {string | null} [url] of the edge, where a page has several; by default all connections of this origin
 * @param {Partial<Browser>} [browser]
 */
export function announceUser(userId: number | string | null, url?: string | null, browser?: Partial<Browser>): void;
export class UserChannel {
    /**
     * @param {Browser} browser @param {string | null} url of the edge
     * @param {(userId: string | null) => void} onUser another tab has announced this user
     */
    constructor({ BroadcastChannel }: Browser, url: string | null, onUser: (userId: string | null) => void);
    /** @param {string | null} userId */
    announce(userId: string | null): void;
    close(): void;
    #private;
}
/**
 * Announces to all tabs of a browser who is signed in.
 *
 * Pages with a `SharedSocket` announce it by themselves; pages without one, such as a sign-in page, call `announceUser`.
 * An announcement is a hint: a tab that shows another user's inbox finds out with a token of its own who is signed in.
 */
export type Browser = import("./browser.js").Browser;
