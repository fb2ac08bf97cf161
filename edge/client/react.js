/**
 * Hooks for React on a store and its connection.
 *
 * `<Inbox store={store} socket={socket}>` names both for all hooks below it. The hooks subscribe and nothing else: they
 * open no connection and close none, so rendering again, StrictMode and unmounting do not touch it.
 *
 * @typedef {import("./store.js").Notification} Notification
 * @typedef {import("./store.js").NotificationStore} NotificationStore
 * @typedef {import("./connection.js").ConnectionState} ConnectionState
 * @typedef {import("./connection.js").Listenable & {state: ConnectionState, claim?: (key: string) => Promise<boolean>}} Connection
 */

import { createContext, createElement, useCallback, useContext, useEffect, useMemo, useSyncExternalStore } from "react";

import { Arrivals } from "./arrivals.js";

const BADGES = ["BADGE"];
const JOBS = [
  "DOCUMENT_PROCESSED",
  "DOCUMENT_PROCESSING_FAILED",
  "EXTRACT_COMPLETE",
  "ANALYSIS_COMPLETE",
  "ANALYSIS_FAILED",
  "EXPORT_COMPLETE",
];

const Context = createContext(/** @type {{store: NotificationStore, socket: Connection} | null} */ (null));

/**
 * Names the store and the connection for the hooks below.
 * @param {{store: NotificationStore, socket: Connection, children?: import("react").ReactNode}} props
 */
export function Inbox({ store, socket, children }) {
  const value = useMemo(() => ({ store, socket }), [store, socket]);
  return createElement(Context.Provider, { value }, children);
}

function useInbox() {
  const inbox = useContext(Context);
  if (!inbox) throw new Error("Clarion's hooks need <Inbox store={…} socket={…}> above them");
  return inbox;
}

/**
 * What `read` gives, and again whenever the target emits an event of this type.
 * @template T
 * @param {import("./connection.js").Listenable} target @param {string} type @param {() => T} read the same value while nothing has changed
 */
function useEvents(target, type, read) {
  const subscribe = useCallback(
    (/** @type {() => void} */ changed) => {
      target.addEventListener(type, changed);
      return () => target.removeEventListener(type, changed);
    },
    [target, type],
  );
  return useSyncExternalStore(subscribe, read, read);
}

/** The newest notifications, newest first. @returns {readonly Notification[]} */
export function useNotifications() {
  const { store } = useInbox();
  return useEvents(store, "change", () => store.notifications);
}

/** How many are unread, as the server counts. */
export function useUnreadCount() {
  const { store } = useInbox();
  return useEvents(store, "change", () => store.unread);
}

/** The state of the connection. @returns {ConnectionState} */
export function useConnectionState() {
  const { socket } = useInbox();
  return useEvents(socket, "statechange", () => socket.state);
}

/**
 * Badges that came while the page was open and were not celebrated yet, oldest first; in one tab only.
 * @param {readonly string[]} [kinds] what counts as a badge
 */
export function useBadgeNotifications(kinds = BADGES) {
  const [newBadges, clearNewBadges] = useArrivals(kinds, true);
  return { newBadges, clearNewBadges };
}

/**
 * Jobs that ended while the page was open, oldest first.
 * @param {readonly string[]} [kinds] what counts as a job
 */
export function useJobNotifications(kinds = JOBS) {
  const [finishedJobs, clearFinishedJobs] = useArrivals(kinds, false);
  return { finishedJobs, clearFinishedJobs };
}

/**
 * @param {readonly string[]} kinds @param {boolean} inOneTab
 * @returns {[readonly Notification[], () => void]}
 */
function useArrivals(kinds, inOneTab) {
  const { store, socket } = useInbox();
  const names = kinds.join(" "); // a list written in place is another one with each render
  const arrivals = useMemo(
    () => new Arrivals(store, names.split(" "), inOneTab ? socket : null),
    [store, socket, names, inOneTab],
  );
  useEffect(() => arrivals.listen(), [arrivals]);
  return [useEvents(arrivals, "change", () => arrivals.notifications), arrivals.clear];
}
