/**
 * Names the store and the connection for the hooks below.
 * @param {{store: NotificationStore, socket: Connection, children?: import("react").ReactNode}} props
 */
export function Inbox({ store, socket, children }: {
    store: NotificationStore;
    socket: Connection;
    children?: import("react").ReactNode;
}): import("react").FunctionComponentElement<import("react").ProviderProps<{
    store: NotificationStore;
    socket: Connection;
} | null>>;
/** The newest notifications, newest first. @returns {readonly Notification[]} */
export function useNotifications(): readonly Notification[];
/** How many are unread, as the server counts. */
export function useUnreadCount(): number;
/** The state of the connection. @returns {ConnectionState} */
export function useConnectionState(): ConnectionState;
/**
 * Badges that came while the page was open and were not celebrated yet, oldest first; in one tab only.
 * @param {readonly string[]} [kinds] what counts as a badge
 */
export function useBadgeNotifications(kinds?: readonly string[]): {
    newBadges: readonly import("./store.js").Notification[];
    clearNewBadges: () => void;
};
/**
 * Jobs that ended while the page was open, oldest first.
 * @param {readonly string[]} [kinds] what counts as a job
 */
export function useJobNotifications(kinds?: readonly string[]): {
    finishedJobs: readonly import("./store.js").Notification[];
    clearFinishedJobs: () => void;
};
/**
 * Hooks for React on a store and its connection.
 *
 * `<Inbox store={store} socket={socket}>` names both for all hooks below it. The hooks subscribe and nothing else: they
 * open no connection and close none, so rendering again, StrictMode and unmounting do not touch it.
 */
export type Notification = import("./store.js").Notification;
/**
 * Hooks for React on a store and its connection.
 *
 * `<Inbox store={store} socket={socket}>` names both for all hooks below it. The hooks subscribe and nothing else: they
 * open no connection and close none, so rendering again, StrictMode and unmounting do not touch it.
 */
export type NotificationStore = import("./store.js").NotificationStore;
/**
 * Hooks for React on a store and its connection.
 *
 * `<Inbox store={store} socket={socket}>` names both for all hooks below it. The hooks subscribe and nothing else: they
 * open no connection and close none, so rendering again, StrictMode and unmounting do not touch it.
 */
export type ConnectionState = import("./connection.js").ConnectionState;
/**
 * Hooks for React on a store and its connection.
 *
 * `<Inbox store={store} socket={socket}>` names both for all hooks below it. The hooks subscribe and nothing else: they
 * open no connection and close none, so rendering again, StrictMode and unmounting do not touch it.
 */
export type Connection = import("./connection.js").Listenable & {
    state: ConnectionState;
    claim?: (key: string) => Promise<boolean>;
};
