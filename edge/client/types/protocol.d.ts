/**
 * The frame that a message holds; null where it is none.
 * @param {any} text
 * @returns {Frame | null}
 */
export function parsed(text: any): Frame | null;
/**
 * The wire, version 1, as far as this client reads it.
 *
 * @typedef {{type: string, [field: string]: any}} Frame one that may be a later protocol's
 * @typedef {import("./frames.js").ServerFrame} ServerFrame one of this protocol's: `frame.type` tells which
 */
export const SUBPROTOCOL: "clarion.v1";
export { CLOSE } from "./frames.js";
/**
 * one that may be a later protocol's
 */
export type Frame = {
    type: string;
    [field: string]: any;
};
/**
 * one of this protocol's: `frame.type` tells which
 */
export type ServerFrame = import("./frames.js").ServerFrame;
