/**
 * Names the store and the connection for the hooks and components below.
 * @param {{store: NotificationStore, socket: Connection, children?: import("react").ReactNode}} props
 */
export function ClarionProvider({ store, socket, children }: {
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
    newBadges: readonly import("./applied.js").Notification[];
    clearNewBadges: () => void;
};
/**
 * Jobs that ended while the page was open, oldest first.
 * @param {readonly string[]} [kinds] what counts as a job
 */
export function useJobNotifications(kinds?: readonly string[]): {
    finishedJobs: readonly import("./applied.js").Notification[];
    clearFinishedJobs: () => void;
};
/**
 * Names the store and the connection for the hooks and components below.
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
export function ClarionBell(props: ElementProps): import("react").DOMElement<any, Element>;
export function ClarionInbox(props: ElementProps): import("react").DOMElement<any, Element>;
export function ClarionPreferences(props: ElementProps): import("react").DOMElement<any, Element>;
/**
 * Hooks for React on a store and its connection, and components for the elements.
 *
 * `<ClarionProvider store={store} socket={socket}>` names both for all hooks and components below it. The hooks subscribe
 * and nothing else: they open no connection and close none, so rendering again, StrictMode and unmounting do not touch
 * it. The components load the elements when the first of them is mounted.
 */
export type Notification = import("./store.js").Notification;
/**
 * Hooks for React on a store and its connection, and components for the elements.
 *
 * `<ClarionProvider store={store} socket={socket}>` names both for all hooks and components below it. The hooks subscribe
 * and nothing else: they open no connection and close none, so rendering again, StrictMode and unmounting do not touch
 * it. The components load the elements when the first of them is mounted.
 */
export type NotificationStore = import("./store.js").NotificationStore;
/**
 * Hooks for React on a store and its connection, and components for the elements.
 *
 * `<ClarionProvider store={store} socket={socket}>` names both for all hooks and components below it. The hooks subscribe
 * and nothing else: they open no connection and close none, so rendering again, StrictMode and unmounting do not touch
 * it. The components load the elements when the first of them is mounted.
 */
export type ConnectionState = import("./connection.js").ConnectionState;
/**
 * Hooks for React on a store and its connection, and components for the elements.
 *
 * `<ClarionProvider store={store} socket={socket}>` names both for all hooks and components below it. The hooks subscribe
 * and nothing else: they open no connection and close none, so rendering again, StrictMode and unmounting do not touch
 * it. The components load the elements when the first of them is mounted.
 */
export type Connection = import("./connection.js").Listenable & {
    state: ConnectionState;
    claim?: (key: string) => Promise<boolean>;
};
/**
 * Hooks for React on a store and its connection, and components for the elements.
 *
 * `<ClarionProvider store={store} socket={socket}>` names both for all hooks and components below it. The hooks subscribe
 * and nothing else: they open no connection and close none, so rendering again, StrictMode and unmounting do not touch
 * it. The components load the elements when the first of them is mounted.
 */
export type Api = import("./ui/api.js").Api;
/**
 * Hooks for React on a store and its connection, and components for the elements.
 *
 * `<ClarionProvider store={store} socket={socket}>` names both for all hooks and components below it. The hooks subscribe
 * and nothing else: they open no connection and close none, so rendering again, StrictMode and unmounting do not touch
 * it. The components load the elements when the first of them is mounted.
 */
export type ElementProps = {
    /**
     * slots, templates and options, as in HTML
     */
    children?: import("react").ReactNode;
    className?: string | undefined;
    id?: string | undefined;
    lang?: string | undefined;
    api?: string | undefined;
    socket?: string | undefined;
    port?: string | number | undefined;
    user?: string | number | undefined;
    csrf?: string | undefined;
    tokens?: boolean | undefined;
    tabs?: string | undefined;
    kinds?: string | undefined;
    /**
     * by default that of the provider, or else that of the attributes
     */
    inbox?: import("./ui/live.js").LiveInbox | {
        store: NotificationStore;
        socket: Connection;
        api?: Api;
    } | undefined;
    render?: import("./ui/row.js").Render | undefined;
    dictionary?: import("./ui/words.js").Dictionary | undefined;
    styles?: readonly CSSStyleSheet[] | undefined;
    getToken?: (() => Promise<string | null>) | undefined;
    onOpen?: ((event: CustomEvent<{
        notification: Notification;
        url: string;
    }>) => void) | undefined;
    onArrival?: ((event: CustomEvent<{
        notification: Notification;
        quiet: boolean;
    }>) => void) | undefined;
    onToggle?: ((event: CustomEvent<{
        open: boolean;
    }>) => void) | undefined;
    onState?: ((event: CustomEvent<{
        state: string;
    }>) => void) | undefined;
    onUserChange?: ((event: CustomEvent<{
        userId: string | null;
    }>) => void) | undefined;
    onPreferences?: ((event: CustomEvent<null>) => void) | undefined;
    onTrouble?: ((event: CustomEvent<{
        error: unknown;
    }>) => void) | undefined;
};
