/**
 * Chooses between a WebSocket and Server-Sent Events, for networks that block WebSockets.
 *
 * A reconnect starts with a WebSocket in any case, so that one bad moment of the network never fixes the choice.
 *
 * @typedef {import("./browser.js").Browser} Browser
 */

import { SUBPROTOCOL } from "./protocol.js";
import { EventStream } from "./sse.js";

/** After this many attempts in a row without an answer, every other attempt is an event stream. */
const BLOCKED_ATTEMPTS = 3;

export class Transports {
  /** @type {Browser} */ #browser;
  /** The last way that was answered. @type {"ws" | "sse" | null} */ #answered = null;
  #unanswered = 0;

  /** @param {Browser} browser */
  constructor(browser) {
    this.#browser = browser;
  }

  /** Whether the next attempt is an event stream. */
  get streams() {
    const { WebSocket, EventSource } = this.#browser;
    if (!EventSource || !WebSocket) return Boolean(EventSource);
    const blocked = this.#answered === "sse" || this.#unanswered >= BLOCKED_ATTEMPTS;
    return blocked && this.#unanswered % 2 === 1;
  }

  /** Whether the next attempt only looks whether WebSockets work again: streams are known to. */
  get probes() {
    return this.#answered === "sse" && !this.streams;
  }

  /**
   * Open a connection; throws where the browser rejects the token or the address.
   * @param {string} url @param {{epoch: string, seq: number} | null} cursor to resume from
   * @param {string | null} token or a ticket, for an event stream; null: the session's cookie
   * @returns {WebSocket | EventStream}
   */
  connect(url, cursor, token) {
    const { WebSocket, EventSource } = this.#browser;
    const stream = this.streams;
    this.#unanswered += 1;
    const address = from(url, cursor);
    return stream && EventSource
      ? new EventStream(EventSource, address, token)
      : new WebSocket(address, token === null ? [SUBPROTOCOL] : [SUBPROTOCOL, `bearer.${token}`]);
  }

  /** Note that a frame arrived. @param {boolean} oneWay over an event stream */
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
