/**
 * The types that `NotificationSocket` and `SharedSocket` share: their options, states and events.
 *
 * @typedef {"disconnected" | "connecting" | "connected" | "reconnecting" | "error"} ConnectionState
 * @typedef {{epoch: string, seq: number}} Cursor
 * @typedef {import("./protocol.js").Frame} Frame
 * @typedef {import("./browser.js").Browser} Browser
 *
 * @typedef {{state: ConnectionState, previous: ConnectionState, reason: string, delaySeconds: number}} StateChange
 *   `delaySeconds`: until the next attempt
 * @typedef {{epoch: string, seq: number, unread?: number, reason: string}} ResyncRequest
 * @typedef {{userId: string | null, previous: string | null}} UserChange null while it is not known who is signed in
 * @typedef {object} ConnectionEvents
 * @property {StateChange} statechange
 * @property {Frame} connected the frame CONNECTED
 * @property {Frame} frame a frame that changes the inbox
 * @property {ResyncRequest} resync
 * @property {{error: unknown}} trouble `getToken` or `getTicket` failed; it is called again
 * @property {UserChange} userchange all that was shown belongs to another user: clear it
 *
 * @typedef {object} Options
 * @property {string | null} [url] as the first argument
 * @property {() => Promise<string | null>} [getToken] a fresh token; null while there is none: then it is called again.
 *   Without `getToken` the session's cookie opens the connection
 * @property {() => Promise<string | null>} [getTicket] a fresh ticket for an event stream, whose address has to hold it;
 *   by default the token
 * @property {number | string} [since] seq of the snapshot to resume from
 * @property {number | string} [epoch] epoch of that snapshot
 * @property {number | string | null} [userId] the user whose inbox the page shows; by default the first who is connected
 * @property {number[]} [backoffSeconds] the ceilings of the delay before each further attempt
 * @property {Storage | (() => Storage)} [storage] where the cursor is kept across page loads, for example
 *   `() => localStorage`
 * @property {Partial<Browser>} [browser]
 *
 * @typedef {object} Listenable
 * @property {(type: string, listener: EventListenerOrEventListenerObject | null) => void} addEventListener
 * @property {(type: string, listener: EventListenerOrEventListenerObject | null) => void} removeEventListener
 *
 * @typedef {Listenable & {userId?: string | null, identify?: () => void}} Connection as far as a store needs it
 */

export {};
