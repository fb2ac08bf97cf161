/** Return the word of a state of the connection, or an empty text while nothing is wrong. @param {string} state */
export function disturbance(state: string): "" | "offline" | "reconnecting" | "signedOut" | "stopped";
/**
 * Call with the word of each disturbance, and with an empty text when it is over. Reconnecting counts after a moment.
 * @param {import("./live.js").LiveInbox} inbox @param {(word: string) => void} changed @param {AbortSignal} signal
 */
export function watchConnection(inbox: import("./live.js").LiveInbox, changed: (word: string) => void, signal: AbortSignal): void;
/** @param {import("./live.js").LiveInbox} inbox @param {import("./words.js").Words} words @param {AbortSignal} signal */
export function offlineLine(inbox: import("./live.js").LiveInbox, words: import("./words.js").Words, signal: AbortSignal): any;
