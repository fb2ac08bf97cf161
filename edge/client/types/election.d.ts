/**
 * Return whether this tab is the one that has claimed `name`, for some seconds; where locks are refused, each tab has.
 * @param {import("./browser.js").Browser} browser @param {string} name @param {number} seconds
 * @param {number} patienceSeconds longest wait for an answer
 * @returns {Promise<boolean>}
 */
export function claimed({ locks, setTimeout }: import("./browser.js").Browser, name: string, seconds: number, patienceSeconds: number): Promise<boolean>;
export class Election {
    /** @param {Browser} browser @param {Timers} timers of the tab, stopped with `stop` @param {Callbacks} callbacks */
    constructor(browser: Browser, timers: Timers, callbacks: Callbacks);
    /** Stand for election until the lock is free. @param {string} name */
    stand(name: string): void;
    /** Withdraw, or return the lock. */
    stop(): void;
    /** Ask the leader, and expect an answer. */
    ask(): void;
    /** Note a message of the leader. */
    received(): void;
    #private;
}
/**
 * Elects one leader among the tabs that stand for the same name, by a Web Lock, and replaces one that does not answer.
 *
 * Browsers suspend pages, and a suspended leader keeps its lock: a visible tab that has received nothing for a while asks,
 * and takes the lock over when no answer comes. A browser may have Web Locks and refuse them: `request` throws, rejects
 * or never settles. Then, and where the lock is taken back and forth because tabs cannot reach each other, a tab leads
 * alone.
 */
export type Browser = import("./browser.js").Browser;
/**
 * Elects one leader among the tabs that stand for the same name, by a Web Lock, and replaces one that does not answer.
 *
 * Browsers suspend pages, and a suspended leader keeps its lock: a visible tab that has received nothing for a while asks,
 * and takes the lock over when no answer comes. A browser may have Web Locks and refuse them: `request` throws, rejects
 * or never settles. Then, and where the lock is taken back and forth because tabs cannot reach each other, a tab leads
 * alone.
 */
export type Timers = import("./browser.js").Timers;
/**
 * Elects one leader among the tabs that stand for the same name, by a Web Lock, and replaces one that does not answer.
 *
 * Browsers suspend pages, and a suspended leader keeps its lock: a visible tab that has received nothing for a while asks,
 * and takes the lock over when no answer comes. A browser may have Web Locks and refuse them: `request` throws, rejects
 * or never settles. Then, and where the lock is taken back and forth because tabs cannot reach each other, a tab leads
 * alone.
 */
export type Callbacks = {
    /**
     * this tab leads
     */
    won: () => void;
    /**
     * another tab has taken the lock
     */
    lost: () => void;
    /**
     * this tab leads without the others, and stands no more
     */
    alone: () => void;
    /**
     * send the leader a question
     */
    ask: () => void;
};
