/** @param {Storage | undefined} storage @param {string | null} userId @returns {Cursor | null} */
export function recalled(storage: Storage | undefined, userId: string | null): Cursor | null;
/** @param {Storage | undefined} storage @param {string | null} userId @param {Cursor | null} cursor */
export function remember(storage: Storage | undefined, userId: string | null, cursor: Cursor | null): void;
/**
 * A cursor that is kept across page loads, by user, where a page asks for it.
 *
 * Enters: a `Storage`, or none. Leaves: the cursor as it was last kept; null where there is none, where it is something
 * else's, or where storage is forbidden.
 */
export type Cursor = import("./socket.js").Cursor;
