/**
 * Which way to the edge: a WebSocket, or Server-Sent Events where no WebSocket gets through.
 *
 * Enters: what the browser has, and what has been answered so far. Leaves: a connection, in the shape of a WebSocket.
 *
 * @typedef {import("./browser.js").Browser} Browser
 */

import { SUBPROTOCOL } from "./protocol.js";
import { EventStream } from "./sse.js";

/** After so many attempts in a row of which none was answered, every other one is an event stream. */
const BLOCKED_ATTEMPTS = 3;

export class Ways {
  /** @type {Browser} */ #browser;
  /** What has been answered at all; nothing yet. @type {"ws" | "sse" | null} */ #answered = null;
  #unanswered = 0;

  /** @param {Browser} browser */
  constructor(browser) {
    this.#browser = browser;
  }

  /**
   * Another attempt; throws where none can succeed with this address or token.
   * @param {string} url @param {{epoch: string, seq: number} | null} cursor where to go on from @param {string} token
   * @returns {WebSocket | EventStream}
   */
  connect(url, cursor, token) {
    const address = from(url, cursor);
    const { WebSocket, EventSource } = this.#browser;
    const blocked = this.#answered === null && this.#unanswered >= BLOCKED_ATTEMPTS && this.#unanswered % 2 === 1;
    const stream = EventSource && (!WebSocket || this.#answered === "sse" || blocked);
    const connection = stream
      ? new EventStream(EventSource, address, token)
      : new WebSocket(address, [SUBPROTOCOL, `bearer.${token}`]);
    this.#unanswered += 1;
    return connection;
  }

  /** Something came this way. @param {boolean} oneWay */
  answered(oneWay) {
    this.#answered = oneWay ? "sse" : "ws";
    this.#unanswered = 0;
  }
}

/** @param {string} url @param {{epoch: string, seq: number} | null} cursor */
function from(url, cursor) {
  if (!cursor) return url;
  const query = new URLSearchParams({ since: String(cursor.seq), epoch: cursor.epoch });
  return `${url}${url.includes("?") ? "&" : "?"}${query}`;
}
