/**
 * Hooks for React on a store and its connection, and components for the elements.
 *
 * `<ClarionProvider store={store} socket={socket}>` names both for all hooks and components below it. The hooks subscribe
 * and nothing else: they open no connection and close none, so rendering again, StrictMode and unmounting do not touch
 * it. The components load the elements when the first of them is mounted.
 *
 * @typedef {import("./store.js").Notification} Notification
 * @typedef {import("./store.js").NotificationStore} NotificationStore
 * @typedef {import("./connection.js").ConnectionState} ConnectionState
 * @typedef {import("./connection.js").Listenable & {state: ConnectionState, claim?: (key: string) => Promise<boolean>}} Connection
 * @typedef {import("./ui/api.js").Api} Api
 *
 * @typedef {object} ElementProps
 * @property {import("react").ReactNode} [children] slots, templates and options, as in HTML
 * @property {string} [className] @property {string} [id] @property {string} [lang]
 * @property {string} [api] @property {string} [socket] @property {string | number} [port]
 * @property {string | number} [user] @property {string} [csrf] @property {boolean} [tokens]
 * @property {string} [tabs] @property {string} [kinds]
 * @property {import("./ui/live.js").LiveInbox | {store: NotificationStore, socket: Connection, api?: Api}} [inbox]
 *   by default that of the provider, or else that of the attributes
 * @property {import("./ui/row.js").Render} [render] @property {import("./ui/words.js").Dictionary} [dictionary]
 * @property {readonly CSSStyleSheet[]} [styles] @property {() => Promise<string | null>} [getToken]
 * @property {(event: CustomEvent<{notification: Notification, url: string}>) => void} [onOpen]
 * @property {(event: CustomEvent<{notification: Notification, quiet: boolean}>) => void} [onArrival]
 * @property {(event: CustomEvent<{open: boolean}>) => void} [onToggle]
 * @property {(event: CustomEvent<{state: string}>) => void} [onState]
 * @property {(event: CustomEvent<{userId: string | null}>) => void} [onUserChange]
 * @property {(event: CustomEvent<null>) => void} [onPreferences]
 * @property {(event: CustomEvent<{error: unknown}>) => void} [onTrouble]
 */

import {
  createContext,
  createElement,
  useCallback,
  useContext,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useSyncExternalStore,
} from "react";

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
 * Names the store and the connection for the hooks and components below.
 * @param {{store: NotificationStore, socket: Connection, children?: import("react").ReactNode}} props
 */
export function ClarionProvider({ store, socket, children }) {
  const value = useMemo(() => ({ store, socket }), [store, socket]);
  return createElement(Context.Provider, { value }, children);
}

/** @deprecated the former name of ClarionProvider */
export const Inbox = ClarionProvider;

function useInbox() {
  const inbox = useContext(Context);
  if (!inbox) throw new Error("Clarion's hooks need <ClarionProvider store={…} socket={…}> above them");
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

const EVENTS = {
  onOpen: "open",
  onArrival: "arrival",
  onToggle: "toggle",
  onState: "state",
  onUserChange: "userchange",
  onPreferences: "preferences",
  onTrouble: "trouble",
};
const PROPERTIES = ["render", "dictionary", "styles", "getToken"];

/** The bell with its panel. @param {ElementProps} props */
export const ClarionBell = (props) => useElement("clarion-bell", props);

/** The list of notifications. @param {ElementProps} props */
export const ClarionInbox = (props) => useElement("clarion-inbox", props);

/** The choice of kinds, and the muted topics. @param {ElementProps} props */
export const ClarionPreferences = (props) => useElement("clarion-preferences", props);

/**
 * Properties are set before the element reads them, whether it is defined by then or not: React would write those of an
 * undefined element as attributes.
 * @param {string} tag @param {any} props
 */
function useElement(tag, { children, inbox, className, ...props }) {
  const context = useContext(Context);
  const given = inbox ?? context;
  const element = useRef(/** @type {any} */ (null));
  const listeners = useRef(/** @type {Record<string, any>} */ ({}));
  const attributes = Object.entries({ class: className, ...props })
    .filter(([name, value]) => !(name in EVENTS) && !PROPERTIES.includes(name) && value != null && value !== false)
    .map(([name, value]) => [name, value === true ? "" : value]);
  listeners.current = props;
  useLayoutEffect(() => {
    if (given && element.current) element.current.inbox = given;
  }, [given]);
  for (const name of PROPERTIES) {
    useLayoutEffect(() => {
      if (props[name] !== undefined && element.current) element.current[name] = props[name];
    }, [props[name]]);
  }
  useLayoutEffect(() => {
    const abort = new AbortController();
    for (const [name, type] of Object.entries(EVENTS)) {
      const listener = (/** @type {Event} */ event) => listeners.current[name]?.(event);
      element.current?.addEventListener(`clarion-${type}`, listener, { signal: abort.signal });
    }
    return () => abort.abort();
  }, []);
  useEffect(() => void import("./ui/elements.js"), []);
  return createElement(tag, { ...Object.fromEntries(attributes), ref: element }, children);
}
