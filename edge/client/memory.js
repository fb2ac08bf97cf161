/**
 * A cursor that is kept across page loads, by user, where a page asks for it.
 *
 * Enters: a `Storage`, or none. Leaves: the cursor as it was last kept; null where there is none, where it is something
 * else's, or where storage is forbidden.
 *
 * @typedef {import("./socket.js").Cursor} Cursor
 */

/** @param {string | null} userId */
const place = (userId) => `clarion:cursor:${userId ?? ""}`;

/** @param {Storage | undefined} storage @param {string | null} userId @returns {Cursor | null} */
export function recalled(storage, userId) {
  try {
    const kept = JSON.parse(storage?.getItem(place(userId)) ?? "null");
    return kept && Number.isInteger(kept.seq) && typeof kept.epoch === "string" ? kept : null;
  } catch {
    return null;
  }
}

/** @param {Storage | undefined} storage @param {string | null} userId @param {Cursor | null} cursor */
export function remember(storage, userId, cursor) {
  try {
    if (cursor) storage?.setItem(place(userId), JSON.stringify(cursor));
  } catch {
    // Full or forbidden: the next page begins with the snapshot.
  }
}
