/** The socket: noticing that it is lost, and coming back. */

import assert from "node:assert/strict";
import test from "node:test";

import { FakeWebSocket, client, connectedClient, created, settle } from "./fakes.js";

test("after a loss it resumes from where it was, with a new token", async () => {
  const { sockets, clock, socket } = await connectedClient({}, { seq: 2 });
  sockets[0].says(created(3));
  sockets[0].closes(1006);
  assert.equal(socket.state, "reconnecting");
  await clock.pass(2);
  assert.equal(sockets[1].url, "ws://edge/ws/?since=3&epoch=e");
  assert.deepEqual(sockets[1].protocols, ["clarion.v1", "bearer.token-2"]);
  sockets[1].accepts({ seq: 3, resumed: true });
  assert.equal(socket.state, "connected");
});

test("delays grow to 16 seconds, and begin anew once connected", async () => {
  const { sockets, clock, all, last } = await connectedClient();
  const delays = () =>
    all("statechange")
      .filter(({ delaySeconds }) => delaySeconds > 0)
      .map((one) => one.delaySeconds);
  for (let attempt = 0; attempt < 5; attempt += 1) {
    last().closes(1006);
    await clock.pass(16);
  }
  last().accepts();
  last().closes(1006);
  assert.deepEqual(delays(), [2, 4, 8, 16, 16, 2]);
  assert.equal(sockets.length, 6);
});

test("the delay is anything up to its ceiling", async () => {
  const { sockets, all } = await connectedClient({ browser: { random: () => 0.25 } });
  sockets[0].closes(1006);
  assert.equal(all("statechange").at(-1).delaySeconds, 0.5);
});

test("too many connections: four times slower, and no event of the page cuts it short", async () => {
  const { sockets, clock, window } = await connectedClient();
  sockets[0].closes(4029);
  window.dispatchEvent(new Event("online"));
  await clock.pass(7.9);
  assert.equal(sockets.length, 1);
  await clock.pass(0.2);
  assert.equal(sockets.length, 2);
});

test("it comes back at once when the network or the page does", async () => {
  for (const type of ["online", "visibilitychange", "pageshow"]) {
    const { sockets, window, document } = await connectedClient();
    sockets[0].closes(1006);
    (type === "visibilitychange" ? document : window).dispatchEvent(new Event(type));
    await settle();
    assert.equal(sockets.length, 2, type);
  }
});

test("a page that is hidden does not come back early", async () => {
  const { sockets, document } = await connectedClient();
  sockets[0].closes(1006);
  document.visibilityState = "hidden";
  document.dispatchEvent(new Event("visibilitychange"));
  await settle();
  assert.equal(sockets.length, 1);
});

test("a page put aside lets its socket go, and resumes when it is shown again", async () => {
  const { sockets, clock, window, document, socket } = await connectedClient({}, { seq: 5 });
  window.dispatchEvent(new Event("pagehide"));
  document.dispatchEvent(new Event("visibilitychange"));
  await clock.pass(600);
  assert.deepEqual([sockets.length, sockets[0].closedWith, socket.state], [1, 1000, "disconnected"]);
  window.dispatchEvent(new Event("pageshow"));
  await settle();
  assert.equal(sockets[1].url, "ws://edge/ws/?since=5&epoch=e");
});

test("after three refused tokens in a row it goes on, but rarely: an outage may be the cause", async () => {
  const { sockets, clock, last, socket, all, window } = client();
  socket.connect();
  await settle();
  for (const code of [4001, 4002, 4001]) {
    last().closes(code);
    await clock.pass(16);
  }
  assert.deepEqual(
    sockets.map(({ protocols }) => protocols[1]),
    ["bearer.token-1", "bearer.token-2", "bearer.token-3"],
  );
  const { state, reason, delaySeconds } = all("statechange").at(-1);
  assert.deepEqual([socket.state, state, reason, delaySeconds], ["error", "error", "unauthorized", 128]);
  window.dispatchEvent(new Event("online"));
  await clock.pass(113);
  assert.equal(sockets.length, 4);
  last().accepts();
  assert.equal(socket.state, "connected");
});

test("connect() tries again at once after a refusal", async () => {
  const { sockets, clock, last, socket } = client();
  socket.connect();
  await settle();
  for (let refusal = 0; refusal < 3; refusal += 1) {
    last().closes(4002);
    await clock.pass(16);
  }
  socket.connect();
  await settle();
  assert.equal(sockets.length, 4);
});

test("an answer that is no token, or that a browser rejects, is asked for again", async () => {
  const answers = [{ detail: "down" }, "<html>", "good"];
  const sockets = [];
  const WebSocket = class extends FakeWebSocket.into(sockets) {
    constructor(url, protocols) {
      if (protocols[1].includes("<")) throw new DOMException("not a subprotocol", "SyntaxError");
      super(url, protocols);
    }
  };
  const made = client({ getToken: async () => answers.shift(), browser: { WebSocket } });
  made.socket.connect();
  await made.clock.pass(40);
  assert.deepEqual(
    sockets.map(({ protocols }) => protocols[1]),
    ["bearer.good"],
  );
});

test("refusals are forgotten once connected", async () => {
  const { clock, last, socket } = await connectedClient();
  for (let round = 0; round < 5; round += 1) {
    last().closes(4001);
    await clock.pass(16);
    last().accepts();
  }
  assert.equal(socket.state, "connected");
});

test("without a token it waits, and asks again later", async () => {
  const answers = [null, new Error("the server answered 503"), "late"];
  const getToken = async () => {
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const { sockets, clock, socket } = client({ getToken });
  socket.connect();
  await clock.pass(7.9);
  assert.deepEqual([sockets.length, answers.length], [0, 2]);
  await clock.pass(5);
  assert.deepEqual(sockets[0].protocols, ["clarion.v1", "bearer.late"]);
});

test("a token that comes too late is not used", async () => {
  const tokens = [];
  const { sockets, clock, socket } = client({ getToken: () => new Promise((resolve) => tokens.push(resolve)) });
  socket.connect();
  await clock.pass(17);
  assert.equal(tokens.length, 2);
  tokens[0]("old");
  await settle();
  assert.equal(sockets.length, 0);
  tokens[1]("new");
  await settle();
  assert.deepEqual(
    sockets.map(({ protocols }) => protocols[1]),
    ["bearer.new"],
  );
});

test("a socket that never says CONNECTED is given up", async () => {
  const { sockets, clock, socket } = client();
  socket.connect();
  await clock.pass(14);
  assert.equal(socket.state, "connecting");
  await clock.pass(1);
  assert.deepEqual([socket.state, sockets[0].closedWith], ["reconnecting", 1000]);
});

test("GOING_AWAY: it stays until the time given, then resumes elsewhere", async () => {
  const { sockets, clock, all } = await connectedClient({}, { seq: 1 });
  sockets[0].says({ type: "GOING_AWAY", reconnect_after_seconds: 5 });
  sockets[0].says(created(2));
  await clock.pass(4.9);
  assert.deepEqual([sockets.length, all("frame").length], [1, 1]);
  await clock.pass(1.4); // spread by a quarter: others were given the same time
  assert.equal(sockets[1].url, "ws://edge/ws/?since=2&epoch=e");
});

test("GOING_AWAY, closed before: it comes back at the time given, not before", async () => {
  const { sockets, clock, window } = await connectedClient();
  sockets[0].says({ type: "GOING_AWAY", reconnect_after_seconds: 5 });
  await clock.pass(1);
  sockets[0].closes(4012);
  window.dispatchEvent(new Event("online"));
  await clock.pass(3.9);
  assert.equal(sockets.length, 1);
  await clock.pass(2.2);
  assert.equal(sockets.length, 2);
});

test("clients that were given the same pause spread on top of it, and each failure makes them slower", async () => {
  let random = 0;
  const { clock, last, all } = await connectedClient({ browser: { random: () => random } });
  const delays = () =>
    all("statechange")
      .map((one) => one.delaySeconds)
      .filter((one) => one > 0);
  for (const [part, extra] of [
    [0, 0],
    [1, 4],
    [0.5, 4],
    [1, 16],
    [1, 16],
  ]) {
    random = part;
    last().says({ type: "GOING_AWAY", reconnect_after_seconds: 3 });
    last().closes(4012);
    assert.equal(delays().at(-1), 3 + extra);
    await clock.pass(3 + extra + 0.1);
  }
  random = 1;
  last().says({ type: "RATE_LIMITED", retry_after_seconds: 60 });
  last().closes(4029);
  assert.equal(delays().at(-1), 60 + 64);
});

test("a pause is measured by a clock that never jumps, and has a limit", async () => {
  const before = Date.now;
  const { ownBrowser } = await import("../browser.js");
  const { now } = ownBrowser();
  const [first, then] = [now(), Date.now()];
  Date.now = () => then - 24 * 3600 * 1000; // the device has woken with a wrong date
  try {
    assert.ok(now() >= first && now() < first + 60_000);
  } finally {
    Date.now = before;
  }
  const { last, all } = await connectedClient();
  last().says({ type: "GOING_AWAY", reconnect_after_seconds: 1e12 });
  last().closes(4012);
  assert.equal(all("statechange").at(-1).delaySeconds, 3602);
});

test("heartbeats go out, and silence after one is a lost connection", async () => {
  const { sockets, clock, socket } = await connectedClient({}, { heartbeat_seconds: 20 });
  await clock.pass(20);
  sockets[0].says({ type: "heartbeat_ack", session_id: "s" });
  await clock.pass(20);
  assert.deepEqual(sockets[0].sent.filter(({ type }) => type === "heartbeat").length, 2);
  await clock.pass(9);
  assert.equal(socket.state, "connected");
  await clock.pass(1);
  assert.equal(socket.state, "reconnecting");
});

test("silence is found also where heartbeats are frequent", async () => {
  const { clock, socket } = await connectedClient({}, { heartbeat_seconds: 1 });
  await clock.pass(11.5);
  assert.equal(socket.state, "reconnecting");
});

test("a page that comes back asks whether its connection still lives", async () => {
  const { sockets, clock, document, socket } = await connectedClient();
  document.dispatchEvent(new Event("visibilitychange"));
  assert.equal(sockets[0].sent.at(-1).type, "heartbeat");
  await clock.pass(4);
  assert.equal(socket.state, "reconnecting");
});

test("a getToken that throws is reported, and called again", async () => {
  const answers = [new Error("no csrftoken cookie"), "a-token"];
  const getToken = async () => {
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const warned = [];
  const { warn } = console;
  console.warn = (...given) => warned.push(given);
  try {
    const { sockets, clock, socket } = client({ getToken });
    const troubles = [];
    socket.addEventListener("trouble", ({ detail }) => troubles.push(detail.error.message));
    socket.connect();
    await clock.pass(30);
    assert.deepEqual(troubles, ["no csrftoken cookie"]);
    assert.equal(warned.length, 1);
    assert.deepEqual(sockets[0].protocols.slice(-1), ["bearer.a-token"]);
  } finally {
    console.warn = warn;
  }
});
