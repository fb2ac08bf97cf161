/**
 * The wire, version 1, as far as this client reads it.
 *
 * @typedef {{type: string, [field: string]: any}} Frame
 */

export const SUBPROTOCOL = "clarion.v1";

/** Close codes that ask for more than to reconnect. */
export const CLOSE = { NORMAL: 1000, NO_TOKEN: 4001, BAD_TOKEN: 4002, REVOKED: 4003, TOO_MANY: 4029 };

/**
 * The frame that a message holds; null where it is none.
 * @param {any} text
 * @returns {Frame | null}
 */
export function parsed(text) {
  try {
    const frame = JSON.parse(text);
    return frame && typeof frame.type === "string" ? frame : null;
  } catch {
    return null;
  }
}
