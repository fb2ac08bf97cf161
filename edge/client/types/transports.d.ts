export class Transports {
    /** @param {Browser} browser */
    constructor(browser: Browser);
    /** Whether the next attempt is an event stream. */
    get streams(): boolean;
    /** Whether the next attempt only looks whether WebSockets work again: streams are known to. */
    get probes(): boolean;
    /**
     * Open a connection; throws where the browser rejects the token or the address.
     * @param {string} url @param {{epoch: string, seq: number} | null} cursor to resume from
     * @param {string | null} token or a ticket, for an event stream; null: the session's cookie
     * @returns {WebSocket | EventStream}
     */
    connect(url: string, cursor: {
        epoch: string;
        seq: number;
    } | null, token: string | null): WebSocket | EventStream;
    /** Note that a frame arrived. @param {boolean} oneWay over an event stream */
    answered(oneWay: boolean): void;
    #private;
}
/**
 * Chooses between a WebSocket and Server-Sent Events, for networks that block WebSockets.
 *
 * A reconnect starts with a WebSocket in any case, so that one bad moment of the network never fixes the choice.
 */
export type Browser = import("./browser.js").Browser;
import { EventStream } from "./sse.js";
