/** A browser with several tabs, for the tests of tabs. */

import { SharedSocket } from "../notifications.js";
import { Clock, FakeLocks, FakeWebSocket, fakeChannels } from "./fakes.js";

/** A browser whose tabs can be opened; `sockets` are the connections of all of them. */
export function browser({ locks = new FakeLocks(), BroadcastChannel = fakeChannels() } = {}) {
  const clock = new Clock();
  const sockets = [];
  const tab = (options = {}) => {
    const window = new EventTarget();
    const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
    const socket = new SharedSocket("ws://edge/ws/", {
      getToken: async () => "token",
      userId: "7",
      ...options,
      browser: {
        WebSocket: FakeWebSocket.into(sockets),
        setTimeout: clock.setTimeout,
        clearTimeout: clock.clearTimeout,
        now: clock.now,
        random: () => 1,
        EventSource: undefined,
        locks,
        BroadcastChannel,
        window,
        document,
      },
    });
    const heard = [];
    for (const type of ["statechange", "frame", "resync", "userchange"]) {
      socket.addEventListener(type, ({ detail }) => heard.push([type, detail]));
    }
    const all = (type) => heard.filter(([one]) => one === type).map(([, detail]) => detail);
    const seqs = () => all("frame").map(({ seq }) => seq);
    socket.connect();
    return { socket, window, document, all, seqs };
  };
  return { clock, sockets, tab, BroadcastChannel, live: () => sockets.filter((one) => one.readyState < 2) };
}

export const at = (seq) => ({ since: seq, epoch: "e" });
