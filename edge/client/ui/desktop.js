/**
 * Notifications of the desktop, where the user has asked for them on this device.
 *
 * One tab shows each of them, and none does while a tab of the site is visible: a visible tab claims it immediately and
 * shows nothing, hidden tabs wait for a moment.
 *
 * @typedef {import("../store.js").Notification} Arrived
 */

const KEY = "clarion.desktop";
/** How much earlier a visible tab claims a notification. */
const HEAD_START_MILLISECONDS = 300;

/** Whether the browser shows notifications of a page. Browsers on Android do so for service workers only. */
export function canNotify() {
  return "Notification" in globalThis && !/\bAndroid\b/.test(navigator.userAgent);
}

/** Whether this device shows them. */
export function isOn() {
  return canNotify() && Notification.permission === "granted" && stored() === "on";
}

/** Turn them on or off; return whether they are on, which the user's browser decides. @param {boolean} on */
export async function turn(on) {
  if (on && (await Notification.requestPermission()) !== "granted") return false;
  try {
    localStorage.setItem(KEY, on ? "on" : "off");
  } catch {
    return false; // storage is blocked
  }
  return on;
}

/**
 * Show what arrives until the signal.
 * @param {import("./live.js").LiveInbox} inbox
 * @param {(notification: Arrived) => {title: string, url: string}} content @param {AbortSignal} signal
 */
export function watchDesktop(inbox, content, signal) {
  /** @type {(event: any) => Promise<void>} */
  const show = async ({ detail: { notification, quiet } }) => {
    if (quiet || notification.isRead || !isOn()) return;
    if (document.hidden) await new Promise((resolve) => setTimeout(resolve, HEAD_START_MILLISECONDS));
    const { socket } = inbox;
    if (socket?.claim && !(await socket.claim(`desktop:${notification.notificationId}`))) return;
    if (!document.hidden || signal.aborted) return;
    const { title, url } = content(notification);
    try {
      const shown = new Notification(title, { tag: notification.notificationId });
      shown.addEventListener("click", () => {
        focus();
        if (url) location.assign(url);
        shown.close();
      });
    } catch {
      // Other browsers that allow them to service workers only.
    }
  };
  inbox.store.addEventListener("created", show, { signal });
}

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
