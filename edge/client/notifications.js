/**
 * The browser's end of Clarion: a user's inbox, live.
 *
 * `NotificationSocket` holds one connection; `SharedSocket` one for all tabs of a browser, and has the same interface;
 * `NotificationStore` (store.js) keeps what either brings.
 *
 * @typedef {import("./socket.js").ConnectionState} ConnectionState
 * @typedef {import("./socket.js").Cursor} Cursor
 * @typedef {import("./socket.js").Options} Options
 * @typedef {import("./protocol.js").Frame} Frame
 */

export { socketUrl } from "./browser.js";
export { NotificationSocket } from "./socket.js";
export { SharedSocket } from "./tabs.js";
