export { socketUrl } from "./browser.js";
export { NotificationSocket } from "./socket.js";
export { SharedSocket } from "./tabs.js";
export { announceUser } from "./users.js";
/**
 * The browser client of Clarion: a user's inbox, live.
 *
 * `NotificationSocket` holds one connection; `SharedSocket` one for all tabs of a browser, with the same interface.
 * `NotificationStore` (store.js) keeps the notifications that either receives. `announceUser` is for pages without a
 * connection.
 */
export type ConnectionState = import("./connection.js").ConnectionState;
/**
 * The browser client of Clarion: a user's inbox, live.
 *
 * `NotificationSocket` holds one connection; `SharedSocket` one for all tabs of a browser, with the same interface.
 * `NotificationStore` (store.js) keeps the notifications that either receives. `announceUser` is for pages without a
 * connection.
 */
export type Cursor = import("./connection.js").Cursor;
/**
 * The browser client of Clarion: a user's inbox, live.
 *
 * `NotificationSocket` holds one connection; `SharedSocket` one for all tabs of a browser, with the same interface.
 * `NotificationStore` (store.js) keeps the notifications that either receives. `announceUser` is for pages without a
 * connection.
 */
export type Options = import("./connection.js").Options;
/**
 * The browser client of Clarion: a user's inbox, live.
 *
 * `NotificationSocket` holds one connection; `SharedSocket` one for all tabs of a browser, with the same interface.
 * `NotificationStore` (store.js) keeps the notifications that either receives. `announceUser` is for pages without a
 * connection.
 */
export type Frame = import("./protocol.js").Frame;
