/**
 * The browser's globals in one place, so that tests can replace them; the edge's address; named timers.
 *
 * A browser may have an API and refuse it (a sandboxed frame, blocked storage): reading such a global throws, so each
 * is read on its own, and one that is refused counts as missing.
 *
 * @typedef {object} Browser
 * @property {new (url: string, protocols: string[]) => WebSocket} WebSocket
 * @property {(callback: () => void, milliseconds: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 * @property {(new (url: string) => EventSource) | undefined} [EventSource]
 * @property {LockManager | undefined} [locks]
 * @property {(new (name: string) => BroadcastChannel) | undefined} [BroadcastChannel]
 * @property {() => number} now milliseconds, of a clock that never jumps
 * @property {() => number} random 0 to 1
 * @property {EventTarget | null} window
 * @property {(EventTarget & {visibilityState?: string}) | null} document
 */

const SOCKET_PATH = "/ws/notification-updates/";

/**
 * The address of the edge on the host of this page; at `port` if given, otherwise at the page's own.
 * @param {number | string | null} [port]
 * @param {{protocol: string, hostname: string, port: string}} [location]
 */
export function socketUrl(port = null, location = globalThis.location) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const number = port || location.port;
  return `${scheme}//${location.hostname}${number ? `:${number}` : ""}${SOCKET_PATH}`;
}

/**
 * The address of a socket, whatever was given: absolute, relative to the page, with http or ws, or nothing.
 * @param {string | null} url
 * @param {{href: string} | undefined} [location]
 */
export function absoluteUrl(url, location = globalThis.location) {
  const absolute = new URL(url ?? SOCKET_PATH, location?.href);
  absolute.protocol = absolute.protocol.replace(/^http/, "ws");
  return absolute.href;
}

/** @returns {Browser} */
export function ownBrowser() {
  const { performance } = globalThis;
  return {
    WebSocket: allowed(() => globalThis.WebSocket),
    EventSource: allowed(() => globalThis.EventSource),
    locks: allowed(() => globalThis.navigator?.locks),
    BroadcastChannel: allowed(() => globalThis.BroadcastChannel),
    setTimeout: (callback, milliseconds) => globalThis.setTimeout(callback, milliseconds),
    clearTimeout: (timer) => globalThis.clearTimeout(timer),
    now: () => performance.now(),
    random: () => Math.random(),
    window: globalThis.window ?? null,
    document: globalThis.document ?? null,
  };
}

/**
 * Return the value of a global, or undefined where the browser refuses access to it.
 * @template T
 * @param {() => T} read
 * @returns {T | any}
 */
function allowed(read) {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/**
 * Listen to the events that may cost a page its connection or bring it back.
 * @param {Browser} browser @param {(event: Event) => void} listener @param {boolean} on
 */
export function listenToPage({ window, document }, listener, on) {
  const verb = on ? "addEventListener" : "removeEventListener";
  for (const type of ["online", "offline", "pageshow", "pagehide"]) window?.[verb](type, listener);
  document?.[verb]("visibilitychange", listener);
}

/** Timers by name: starting one again replaces it. */
export class Timers {
  /** @type {Map<string, any>} */ #running = new Map();
  /** @type {Pick<Browser, "setTimeout" | "clearTimeout">} */ #clock;

  /** @param {Pick<Browser, "setTimeout" | "clearTimeout">} clock */
  constructor(clock) {
    this.#clock = clock;
  }

  /** @param {string} name @param {number} seconds @param {() => void} callback */
  start(name, seconds, callback) {
    this.stop(name);
    const fire = () => {
      this.#running.delete(name);
      callback();
    };
    this.#running.set(name, this.#clock.setTimeout(fire, seconds * 1000));
  }

  /** @param {string} name */
  stop(name) {
    if (this.#running.has(name)) this.#clock.clearTimeout(this.#running.get(name));
    this.#running.delete(name);
  }

  stopAll() {
    for (const name of [...this.#running.keys()]) this.stop(name);
  }

  /** @param {string} name */
  has(name) {
    return this.#running.has(name);
  }
}
