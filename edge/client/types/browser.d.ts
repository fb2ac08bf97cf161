/**
 * The address of the edge on the host of this page; at `port` if given, otherwise at the page's own.
 * @param {number | string | null} [port]
 * @param {{protocol: string, hostname: string, port: string}} [location]
 */
export function socketUrl(port?: number | string | null, location?: {
    protocol: string;
    hostname: string;
    port: string;
}): string;
/**
 * The address of a socket, whatever was given: absolute, relative to the page, with http or ws, or nothing.
 * @param {string | null} url
 * @param {{href: string} | undefined} [location]
 */
export function absoluteUrl(url: string | null, location?: {
    href: string;
} | undefined): string;
/** @returns {Browser} */
export function ownBrowser(): Browser;
/**
 * Hear of whatever may have cost a page its connection, or no longer.
 * @param {Browser} browser @param {(event: Event) => void} listener @param {boolean} on
 */
export function listenToPage({ window, document }: Browser, listener: (event: Event) => void, on: boolean): void;
/** Timers by name: starting one again replaces it. */
export class Timers {
    /** @param {Pick<Browser, "setTimeout" | "clearTimeout">} clock */
    constructor(clock: Pick<Browser, "setTimeout" | "clearTimeout">);
    /** @param {string} name @param {number} seconds @param {() => void} callback */
    start(name: string, seconds: number, callback: () => void): void;
    /** @param {string} name */
    stop(name: string): void;
    stopAll(): void;
    /** @param {string} name */
    has(name: string): boolean;
    #private;
}
/**
 * What the client needs of the browser: the edge's address, named timers, and the globals in one place, so that tests
 * can bring their own.
 */
export type Browser = {
    WebSocket: new (url: string, protocols: string[]) => WebSocket;
    setTimeout: (callback: () => void, milliseconds: number) => any;
    clearTimeout: (timer: any) => void;
    EventSource?: (new (url: string) => EventSource) | undefined;
    locks?: LockManager | undefined;
    BroadcastChannel?: (new (name: string) => BroadcastChannel) | undefined;
    /**
     * milliseconds
     */
    now: () => number;
    /**
     * 0 to 1
     */
    random: () => number;
    window: EventTarget | null;
    document: (EventTarget & {
        visibilityState?: string;
    }) | null;
};
