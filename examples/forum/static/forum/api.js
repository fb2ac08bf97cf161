/** The HTTP face of the inbox: reads and changes, with the session's cookie and the CSRF token of the page. */

export class HttpError extends Error {
  /** @param {number} status */
  constructor(status) {
    super(`the server answered ${status}`);
    this.status = status;
  }
}

/** @param {string} method @param {string} path @param {object} [body] @returns {Promise<any>} */
async function request(method, path, body) {
  const headers = { Accept: "application/json", "X-CSRFToken": document.body.dataset.csrfToken ?? "" };
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

/** A token for the socket; null when signed out. */
export async function token() {
  try {
    return (await request("POST", "token")).token;
  } catch (error) {
    if (error instanceof HttpError && [401, 403].includes(error.status)) return null;
    throw error;
  }
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

/** Mark read what has arrived so far, all of it or of one topic. @param {{through?: number, topic?: string}} which */
export const readAll = (which) => request("POST", "notifications/read", which);
