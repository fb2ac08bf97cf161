/**
 * Announces to all tabs of a browser who is signed in.
 *
 * Pages with a `SharedSocket` announce it by themselves; pages without one, such as a sign-in page, call `announceUser`.
 * An announcement is a hint: a tab that shows another user's inbox finds out with a token of its own who is signed in.
 *
 * @typedef {import("./browser.js").Browser} Browser
 */

import { absoluteUrl, ownBrowser } from "./browser.js";
import { textOf } from "./cursor-storage.js";

const NAME = "clarion:user";

/**
 * Announce who is signed in, from a page without a connection.
 * @param {number | string | null} userId null: the user has signed out
 * @param {string | null} [url] of the edge, where a page has several; by default all connections of this origin
 * @param {Partial<Browser>} [browser]
 */
export function announceUser(userId, url = null, browser = {}) {
  const channel = new UserChannel({ ...ownBrowser(), ...browser }, url && absoluteUrl(url), () => undefined);
  channel.announce(textOf(userId));
  channel.close();
}

export class UserChannel {
  /** @type {BroadcastChannel | null} */ #channel = null;
  /** @type {string | null} */ #url;

  /**
   * @param {Browser} browser @param {string | null} url of the edge
   * @param {(userId: string | null) => void} onUser another tab has announced this user
   */
  constructor({ BroadcastChannel }, url, onUser) {
    this.#url = url;
    try {
      this.#channel = BroadcastChannel ? new BroadcastChannel(NAME) : null;
    } catch {
      return; // refused: this tab finds out at its next reconnect
    }
    if (!this.#channel) return;
    this.#channel.onmessage = ({ data }) => {
      if (!data || (data.url && this.#url && data.url !== this.#url)) return;
      onUser(textOf(data.userId));
    };
  }

  /** @param {string | null} userId */
  announce(userId) {
    try {
      this.#channel?.postMessage({ userId, url: this.#url });
    } catch {
      // As above.
    }
  }

  close() {
    this.#channel?.close();
    this.#channel = null;
  }
}
