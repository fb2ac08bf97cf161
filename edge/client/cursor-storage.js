/**
 * The cursor from which a connection starts, and its copy in a browser's storage.
 *
 * The copy is kept for each `userId` that a page names, or once for pages that name none. It remembers whose inbox it
 * is from. A storage that is full or that the browser refuses is treated as an empty one.
 *
 * @typedef {import("./connection.js").Cursor} Cursor
 * @typedef {import("./connection.js").Options} Options
 */

/** @param {string | null} userId as the page named it */
const place = (userId) => `clarion:cursor:${userId ?? ""}`;

/**
 * Return the storage that a page offers; a function is called, because reading `localStorage` may throw.
 * @param {Options["storage"]} storage
 */
function opened(storage) {
  return typeof storage === "function" ? storage() : storage;
}

/**
 * Return where to resume and whose inbox that is: the cursor of the options, else the stored one.
 * @param {Options} options
 * @returns {{cursor: Cursor | null, userId: string | null}}
 */
export function start({ since, epoch, userId: named, storage }) {
  const userId = textOf(named);
  if (since !== undefined && epoch !== undefined) return { cursor: cursorOf({ seq: since, epoch }), userId };
  try {
    const kept = JSON.parse(opened(storage)?.getItem(place(userId)) ?? "null");
    const cursor = typeof kept?.seq === "number" && typeof kept.epoch === "string" ? cursorOf(kept) : null;
    return { cursor, userId: userId ?? (cursor && textOf(kept.userId)) };
  } catch {
    return { cursor: null, userId };
  }
}

/**
 * Store a cursor.
 * @param {Options} options @param {string | null} userId whose inbox it is from @param {Cursor | null} cursor
 */
export function remember({ storage, userId: named }, userId, cursor) {
  try {
    if (cursor) opened(storage)?.setItem(place(textOf(named)), JSON.stringify({ ...cursor, userId }));
  } catch {
    // Full or refused: the next page starts with the snapshot.
  }
}

/** Return an id as text, or null. Templates write ids as numbers, frames as text. @param {any} id @returns {string | null} */
export function textOf(id) {
  return id === undefined || id === null || id === "" ? null : String(id);
}

/** Return a valid cursor, or null. @param {any} given @returns {Cursor | null} */
function cursorOf({ seq, epoch }) {
  const number = typeof seq === "string" && /^\d+$/.test(seq) ? Number(seq) : seq;
  return Number.isSafeInteger(number) && number >= 0 && epoch !== null ? { seq: number, epoch: String(epoch) } : null;
}
