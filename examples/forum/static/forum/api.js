/** The HTTP face of the inbox: reads and changes, with the session's cookie and the CSRF token of the page. */

export class HttpError extends Error {
  /** @param {number} status */
  constructor(status) {
    super(`the server answered ${status}`);
    this.status = status;
  }
}

/**
 * @param {string} method @param {string} path @param {object} [body]
 * @param {string} [csrf] the page's: it ends when somebody signs in, so that nothing shown before changes their inbox
 * @returns {Promise<any>}
 */
async function request(method, path, body, csrf = document.body.dataset.csrfToken) {
  const headers = { Accept: "application/json", "X-CSRFToken": csrf ?? "" };
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(`/api/${path}`, {
    method,
    headers,
    body: body && JSON.stringify(body),
    credentials: "same-origin",
    keepalive: method !== "GET", // a click that marks read may leave the page at once
  });
  if (!response.ok) throw new HttpError(response.status);
  return response.status === 204 ? null : response.json();
}

export const snapshot = () => request("GET", "inbox");

/** Return a token for the user who is signed in now, which the socket compares with the page's; null without one. */
export const token = async () => (await credential("token"))?.token ?? null;

/** The same, as a ticket for one connection: it may stand in the address of an event stream. */
export const ticket = async () => (await credential("socket-ticket"))?.ticket ?? null;

/** @param {string} path */
async function credential(path) {
  const csrf = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
  try {
    return await request("POST", path, undefined, csrf);
  } catch (error) {
    if (isRefusal(error)) return null;
    throw error;
  }
}

/** Whether the page's user is no longer signed in. @param {unknown} error */
export function isRefusal(error) {
  return error instanceof HttpError && [401, 403].includes(error.status);
}

/** One page of notifications, newest first. @param {{before?: string, is_read?: boolean}} query */
export function notifications({ before, is_read }) {
  const query = new URLSearchParams({ limit: "30" });
  if (before !== undefined) query.set("before", before);
  if (is_read !== undefined) query.set("is_read", String(is_read));
  return request("GET", `notifications?${query}`);
}

/** @param {string} id @param {boolean} isRead */
export const setRead = (id, isRead) => request("POST", `notifications/${id}/${isRead ? "read" : "unread"}`);

/** @param {string} id */
export const remove = (id) => request("DELETE", `notifications/${id}`);

/** Hear no more of a topic. @param {string} topic */
export const mute = (topic) => request("POST", "mutes", { topic });

/** Mark read what has arrived so far, all of it or of one topic. @param {{through?: number, topic?: string}} which */
export const readAll = (which) => request("POST", "notifications/read", which);
