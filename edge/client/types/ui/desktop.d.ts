/** Whether the browser shows notifications of a page. Browsers on Android do so for service workers only. */
export function canNotify(): boolean;
/** Whether this device shows them. */
export function isOn(): boolean;
/** Turn them on or off; return whether they are on, which the user's browser decides. @param {boolean} on */
export function turn(on: boolean): Promise<boolean>;
/**
 * Show what arrives until the signal.
 * @param {import("./live.js").LiveInbox} inbox
 * @param {(notification: Arrived) => {title: string, url: string}} content @param {AbortSignal} signal
 */
export function watchDesktop(inbox: import("./live.js").LiveInbox, content: (notification: Arrived) => {
    title: string;
    url: string;
}, signal: AbortSignal): void;
/**
 * Notifications of the desktop, where the user has asked for them on this device.
 *
 * One tab shows each of them, and none does while a tab of the site is visible: a visible tab claims it immediately and
 * shows nothing, hidden tabs wait for a moment.
 */
export type Arrived = import("../store.js").Notification;
