export class Pulse {
    /** @param {Timers} timers of the connection @param {() => void} send a heartbeat @param {() => void} silent no answer came */
    constructor(timers: Timers, send: () => void, silent: () => void);
    /** Send heartbeats from now on. @param {unknown} seconds */
    start(seconds: unknown): void;
    /** Note that a frame arrived. */
    received(): void;
    /** Ask whether the connection still works: after sleep or a change of networks it looks open for minutes. */
    probe(): void;
    #private;
}
/**
 * Heartbeats of an open connection, and the detection of one that is dead.
 */
export type Timers = import("./browser.js").Timers;
