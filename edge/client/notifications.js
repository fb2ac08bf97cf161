/**
 * The browser client of Clarion: a user's inbox, live.
 *
 * `NotificationSocket` holds one connection; `SharedSocket` one for all tabs of a browser, with the same interface.
 * `NotificationStore` (store.js) keeps the notifications that either receives. `announceUser` is for pages without a
 * connection.
 *
 * @typedef {import("./connection.js").ConnectionState} ConnectionState
 * @typedef {import("./connection.js").Cursor} Cursor
 * @typedef {import("./connection.js").Options} Options
 * @typedef {import("./protocol.js").Frame} Frame
 */

export { socketUrl } from "./browser.js";
export { NotificationSocket } from "./socket.js";
export { SharedSocket } from "./tabs.js";
export { announceUser } from "./users.js";
