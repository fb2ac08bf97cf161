/**
 * The wire, version 1, as far as this client reads it.
 *
 * @typedef {{type: string, [field: string]: any}} Frame one that may be a later protocol's
 * @typedef {import("./frames.js").ServerFrame} ServerFrame one of this protocol's: `frame.type` tells which
 */

export const SUBPROTOCOL = "clarion.v1";

export { CLOSE } from "./frames.js";

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
