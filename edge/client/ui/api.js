/**
 * The HTTP API of an inbox: reads and changes, with the session's cookie and a CSRF token, or with a token.
 *
 * @typedef {object} ApiOptions
 * @property {string} [base] the address below which the API is; "/api/"
 * @property {() => string | null} [csrf] the CSRF token of the page
 * @property {(() => Promise<string | null>) | null} [getToken] a Bearer token instead of the session
 */

/** Notifications of one page. */
export const PAGE = 50;

export class HttpError extends Error {
  /** @param {number} status @param {string} [reason] of the server, in words */
  constructor(status, reason = "") {
    super(`Clarion's API answered ${status}${reason && `: ${reason}`}`);
    this.status = status;
    this.reason = reason;
  }

  /** Whether the user of the page is no longer signed in. */
  get isRefusal() {
    return this.status === 401 || this.status === 403;
  }
}

export class Api {
  /** @type {Required<ApiOptions>} */ #options;

  /** @param {ApiOptions} options */
  constructor({ base = "/api/", csrf = () => null, getToken = null } = {}) {
    this.#options = { base: base.endsWith("/") ? base : `${base}/`, csrf, getToken };
  }

  snapshot = () => this.#request("GET", `inbox?limit=${PAGE}`);

  /** @param {Record<string, string | number | boolean | undefined>} query */
  page(query) {
    const given = Object.entries({ limit: PAGE, ...query }).filter(([, value]) => value !== undefined);
    return this.#request("GET", `notifications?${new URLSearchParams(/** @type {string[][]} */ (given))}`);
  }

  /** @param {string} id @param {boolean} isRead */
  setRead = (id, isRead) => this.#request("POST", `notifications/${id}/${isRead ? "read" : "unread"}`);

  /** @param {string} id */
  remove = (id) => this.#request("DELETE", `notifications/${id}`);

  /** Mark read what has arrived so far. @param {{through?: number, topic?: string, kind?: string}} which */
  readAll = (which) => this.#request("POST", "notifications/read", which);

  /** @param {{through?: number}} which */
  seen = (which) => this.#request("POST", "notifications/seen", which);

  /** @returns {Promise<{id: number, kind: string | null, topic: string | null}[]>} */
  mutes = () => this.#request("GET", "mutes");

  /** @param {{kind?: string, topic?: string}} which */
  mute = (which) => this.#request("POST", "mutes", which);

  /** @param {number} id */
  unmute = (id) => this.#request("DELETE", `mutes/${id}`);

  /** A token for the user who is signed in now; null without one. */
  token = () => this.#credential("token");

  /** The same, as a ticket for one connection: it may stand in the address of an event stream. */
  ticket = () => this.#credential("socket-ticket", "ticket");

  /** @param {string} path @param {string} [field] @returns {Promise<string | null>} */
  async #credential(path, field = path) {
    try {
      return (await this.#request("POST", path, undefined, cookie() ?? undefined))[field];
    } catch (error) {
      if (error instanceof HttpError && error.isRefusal) return null;
      throw error;
    }
  }

  /**
   * @param {string} method @param {string} path @param {object} [body]
   * @param {string | null} [csrf] by default the page's, which ends when another user signs in: so a click on what a
   *   page has shown before does not change their inbox
   * @returns {Promise<any>}
   */
  async #request(method, path, body, csrf = this.#options.csrf() ?? cookie()) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json" };
    const token = await this.#options.getToken?.();
    if (token) headers.Authorization = `Bearer ${token}`;
    else if (csrf && method !== "GET") headers["X-CSRFToken"] = csrf;
    if (body) headers["Content-Type"] = "application/json";
    const response = await fetch(this.#options.base + path, {
      method,
      headers,
      body: body && JSON.stringify(body),
      credentials: "same-origin",
      keepalive: method !== "GET", // a click that marks as read may leave the page
    });
    if (!response.ok) throw new HttpError(response.status, await reasonOf(response));
    return response.status === 204 ? null : response.json();
  }
}

/** The `detail` of an answer: a text, or a list of errors with a `msg` each. @param {Response} response */
async function reasonOf(response) {
  const { detail } = (await response.json().catch(() => null)) ?? {};
  const reason = Array.isArray(detail) ? detail[0]?.msg : detail;
  return typeof reason === "string" ? reason : "";
}

/** Why a change was not saved. @param {unknown} error @param {import("./words.js").Words} words */
export function notSaved(error, words) {
  if (!(error instanceof HttpError)) return words.say("notSavedOffline");
  return error.reason ? words.say("notSavedReason", { reason: error.reason }) : words.say("notSaved");
}

function cookie() {
  return document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? null;
}
