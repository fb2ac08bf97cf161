/** A clock and a WebSocket for tests: time passes when told to, sockets open and close when told to. */

import { NotificationSocket } from "../notifications.js";

export class Clock {
  time = 0;
  #timers = new Map();
  #next = 1;

  now = () => this.time;
  setTimeout = (callback, milliseconds) => {
    this.#timers.set(this.#next, { at: this.time + milliseconds, callback });
    return this.#next++;
  };
  clearTimeout = (timer) => this.#timers.delete(timer);

  /** Let `seconds` pass, with whatever falls due in them, in order. */
  async pass(seconds) {
    await settle();
    const end = this.time + seconds * 1000;
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (!due) break;
      const [timer, { at, callback }] = due;
      this.#timers.delete(timer);
      this.time = Math.max(this.time, at);
      callback();
      await settle();
    }
    this.time = end;
    await settle();
  }
}

/** Let promises that are already resolved run on. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** What an edge says first. */
export const hello = {
  type: "CONNECTED",
  user_id: "7",
  session_id: "s",
  protocol: 1,
  epoch: "e",
  seq: 0,
  unread: 0,
  heartbeat_seconds: 30,
  resumed: false,
};

export class FakeWebSocket {
  readyState = 0;
  sent = [];
  closedWith = null;

  constructor(url, protocols) {
    Object.assign(this, { url, protocols });
  }

  /** A class whose sockets are added to a list. */
  static into(sockets) {
    return class extends FakeWebSocket {
      constructor(...rest) {
        super(...rest);
        sockets.push(this);
      }
    };
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close(code) {
    this.readyState = 3;
    this.closedWith = code;
  }

  /** The edge says this. */
  says(frame) {
    this.onmessage({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }

  /** The edge accepts and says CONNECTED. */
  accepts(fields = {}) {
    this.readyState = 1;
    this.says({ ...hello, ...fields });
  }

  /** The edge, or the network, closes. */
  closes(code) {
    this.readyState = 3;
    this.onclose({ code });
  }
}

/** A client on fakes; `sockets` are those it has opened, `heard` what it emitted, as [type, detail]. */
export function client(options = {}) {
  const clock = new Clock();
  const sockets = [];
  const window = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  const heard = [];
  let tokens = 0;
  const browser = {
    WebSocket: FakeWebSocket.into(sockets),
    setTimeout: clock.setTimeout,
    clearTimeout: clock.clearTimeout,
    now: clock.now,
    random: () => 1, // the longest delay
    window,
    document,
    ...options.browser,
  };
  const socket = new NotificationSocket("ws://edge/ws/", {
    getToken: async () => `token-${++tokens}`,
    ...options,
    browser,
  });
  for (const type of ["statechange", "connected", "frame", "resync", "userchange"]) {
    socket.addEventListener(type, ({ detail }) => heard.push([type, detail]));
  }
  const all = (type) => heard.filter(([one]) => one === type).map(([, detail]) => detail);
  return { socket, sockets, clock, window, document, heard, all, last: () => sockets.at(-1) };
}

/** A client whose first socket is connected, at `seq`. */
export async function connectedClient(options = {}, fields = {}) {
  const made = client(options);
  made.socket.connect();
  await settle();
  made.last().accepts(fields);
  return made;
}

export const created = (seq, fields = {}) => ({
  type: "NOTIFICATION_CREATED",
  seq,
  unread: seq,
  notificationId: String(seq),
  notificationType: "REPLY",
  createdAt: "2030-01-01T00:00:00.000000Z",
  isRead: false,
  data: {},
  actor: null,
  messageId: null,
  conversationId: null,
  topic: null,
  count: 1,
  ...fields,
});

/** An EventSource; `says` is an event of the edge, `fails` what a browser tells of any failure. */
export class FakeEventSource {
  closed = false;

  constructor(url) {
    this.url = url;
  }

  close() {
    this.closed = true;
  }

  says(frame) {
    this.onmessage({ data: JSON.stringify(frame) });
  }

  fails() {
    this.onerror({});
  }
}

/** Web Locks of one browser: one holder of each name at a time, the others in order. */
export class FakeLocks {
  #queues = new Map();

  async request(name, options, callback) {
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    if (options.ifAvailable && queue.length > 0) return callback(null);
    const entry = { callback };
    const done = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
    if (options.steal) {
      const [holder] = queue.splice(0, 1, entry);
      holder?.reject(new DOMException("stolen", "AbortError"));
    } else {
      queue.push(entry);
    }
    options.signal?.addEventListener("abort", () => {
      const place = queue.indexOf(entry);
      if (place <= 0) return; // held or stolen: a signal calls off a wait, not a lock
      queue.splice(place, 1);
      entry.reject(options.signal.reason);
    });
    if (queue[0] === entry) this.#grant(queue, entry);
    return done;
  }

  async #grant(queue, entry) {
    const answer = await entry.callback({});
    entry.resolve(answer);
    if (queue[0] !== entry) return; // it was stolen meanwhile
    queue.shift();
    if (queue.length > 0) void this.#grant(queue, queue[0]);
  }
}

/**
 * BroadcastChannels of one browser; what is said arrives later, in order, as a copy. `carries` decides whether a message
 * arrives; the channels of each name are numbered as they opened.
 */
export function fakeChannels() {
  const open = new Map();
  const opened = {};
  return class FakeChannel {
    static carries = (message, from, to) => true;

    constructor(name) {
      this.name = name;
      opened[name] ??= 0;
      open.set(this, opened[name]++);
    }

    postMessage(message) {
      const data = structuredClone(message);
      const from = open.get(this);
      for (const [other, to] of open) {
        if (other === this || other.name !== this.name || !FakeChannel.carries(data, from, to)) continue;
        queueMicrotask(() => open.has(other) && other.onmessage?.({ data }));
      }
    }

    close() {
      open.delete(this);
    }
  };
}

/** Values kept as a browser's storage keeps them. */
export class FakeStorage {
  #kept = new Map();
  getItem = (key) => this.#kept.get(key) ?? null;
  setItem = (key, value) => void this.#kept.set(key, value);
}
