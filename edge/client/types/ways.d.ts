export class Ways {
    /** @param {Browser} browser */
    constructor(browser: Browser);
    /**
     * Another attempt; throws where none can succeed with this address or token.
     * @param {string} url @param {{epoch: string, seq: number} | null} cursor where to go on from @param {string} token
     * @returns {WebSocket | EventStream}
     */
    connect(url: string, cursor: {
        epoch: string;
        seq: number;
    } | null, token: string): WebSocket | EventStream;
    /** Something came this way. @param {boolean} oneWay */
    answered(oneWay: boolean): void;
    #private;
}
/**
 * Which way to the edge: a WebSocket, or Server-Sent Events where no WebSocket gets through.
 *
 * Enters: what the browser has, and what has been answered so far. Leaves: a connection, in the shape of a WebSocket.
 */
export type Browser = import("./browser.js").Browser;
import { EventStream } from "./sse.js";
