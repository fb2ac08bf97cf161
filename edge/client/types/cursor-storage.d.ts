/**
 * Return where to resume and whose inbox that is: the cursor of the options, else the stored one.
 * @param {Options} options
 * @returns {{cursor: Cursor | null, userId: string | null}}
 */
export function start({ since, epoch, userId: named, storage }: Options): {
    cursor: Cursor | null;
    userId: string | null;
};
/**
 * Store a cursor.
 * @param {Options} options @param {string | null} userId whose inbox it is from @param {Cursor | null} cursor
 */
export function remember({ storage, userId: named }: Options, userId: string | null, cursor: Cursor | null): void;
/** Return an id as text, or null. Templates write ids as numbers, frames as text. @param {any} id @returns {string | null} */
export function textOf(id: any): string | null;
/**
 * The cursor from which a connection starts, and its copy in a browser's storage.
 *
 * The copy is kept for each `userId` that a page names, or once for pages that name none. It remembers whose inbox it
 * is from. A storage that is full or that the browser refuses is treated as an empty one.
 */
export type Cursor = import("./connection.js").Cursor;
/**
 * The cursor from which a connection starts, and its copy in a browser's storage.
 *
 * The copy is kept for each `userId` that a page names, or once for pages that name none. It remembers whose inbox it
 * is from. A storage that is full or that the browser refuses is treated as an empty one.
 */
export type Options = import("./connection.js").Options;
