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
 * Listen to the events that may cost a page its connection or bring it back.
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
 * The browser's globals in one place, so that tests can replace them; the edge's address; named timers.
 *
 * A browser may have an API and refuse it (a sandboxed frame, blocked storage): reading such a global throws, so each
 * is read on its own, and one that is refused counts as missing.
 */
export type Browser = {
    WebSocket: new (url: string, protocols: string[]) => WebSocket;
    setTimeout: (callback: () => void, milliseconds: number) => any;
    clearTimeout: (timer: any) => void;
    EventSource?: (new (url: string) => EventSource) | undefined;
    locks?: LockManager | undefined;
    BroadcastChannel?: (new (name: string) => BroadcastChannel) | undefined;
    /**
     * milliseconds, of a clock that never jumps
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
