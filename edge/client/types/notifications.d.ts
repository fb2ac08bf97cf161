export { socketUrl } from "./browser.js";
export { NotificationSocket } from "./socket.js";
export { SharedSocket } from "./tabs.js";
/**
 * The browser's end of Clarion: a user's inbox, live.
 *
 * `NotificationSocket` holds one connection; `SharedSocket` one for all tabs of a browser, and has the same interface;
 * `NotificationStore` (store.js) keeps what either brings.
 */
export type ConnectionState = import("./socket.js").ConnectionState;
/**
 * The browser's end of Clarion: a user's inbox, live.
 *
 * `NotificationSocket` holds one connection; `SharedSocket` one for all tabs of a browser, and has the same interface;
 * `NotificationStore` (store.js) keeps what either brings.
 */
export type Cursor = import("./socket.js").Cursor;
/**
 * The browser's end of Clarion: a user's inbox, live.
 *
 * `NotificationSocket` holds one connection; `SharedSocket` one for all tabs of a browser, and has the same interface;
 * `NotificationStore` (store.js) keeps what either brings.
 */
export type Options = import("./socket.js").Options;
/**
 * The browser's end of Clarion: a user's inbox, live.
 *
 * `NotificationSocket` holds one connection; `SharedSocket` one for all tabs of a browser, and has the same interface;
 * `NotificationStore` (store.js) keeps what either brings.
 */
export type Frame = import("./protocol.js").Frame;
