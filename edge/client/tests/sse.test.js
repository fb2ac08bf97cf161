/** Event streams, where no WebSocket gets through; and the cursor across page loads. */

import assert from "node:assert/strict";
import test from "node:test";

import { absoluteUrl } from "../browser.js";
import { FakeEventSource, FakeStorage, client, connectedClient, created, hello, settle } from "./fakes.js";

/** A client behind something that lets no WebSocket through. */
function blocked(options = {}) {
  const streams = [];
  const EventSource = class extends FakeEventSource {
    constructor(url) {
      super(url);
      streams.push(this);
    }
  };
  const made = client({ ...options, browser: { EventSource } });
  return { ...made, streams };
}

/** Fail every attempt by WebSocket until a stream is tried. */
async function untilStream({ socket, sockets, streams, clock }) {
  socket.connect();
  for (let attempt = 0; streams.length === 0 && attempt < 10; attempt += 1) {
    await settle();
    if (streams.length > 0) break;
    sockets.at(-1).closes(1006);
    await clock.pass(16);
  }
}

test("after three attempts that nobody answered, a stream is tried, with token and cursor in the address", async () => {
  const made = blocked({ since: 4, epoch: "e" });
  await untilStream(made);
  assert.equal(made.sockets.length, 3);
  const address = new URL(made.streams[0].url);
  assert.equal(address.origin, "http://edge");
  assert.deepEqual(Object.fromEntries(address.searchParams), { since: "4", epoch: "e", token: "token-4" });
});

test("a stream brings the same frames; a reconnect tries a WebSocket first, and the stream right after", async () => {
  const made = blocked();
  await untilStream(made);
  made.streams[0].says(hello);
  made.streams[0].says(created(1));
  assert.deepEqual(
    made.all("frame").map(({ seq }) => seq),
    [1],
  );
  assert.equal(made.socket.state, "connected");
  made.streams[0].fails();
  assert.equal(made.streams[0].closed, true); // or the browser would come back by itself, with the old token
  await made.clock.pass(2);
  assert.deepEqual([made.sockets.length, made.streams.length], [4, 1]);
  made.sockets[3].closes(1006);
  await settle();
  assert.match(made.streams[1].url, /since=1&epoch=e/);
});

test("a WebSocket that hangs holds the stream up for seconds only", async () => {
  const made = blocked();
  await untilStream(made);
  made.streams[0].says(hello);
  made.streams[0].fails();
  await made.clock.pass(7);
  assert.deepEqual([made.sockets.length, made.sockets[3].closedWith, made.streams.length], [4, 1000, 2]);
});

test("an edge that was away for a moment does not fix the choice: the WebSocket is used when it is back", async () => {
  const made = blocked();
  await untilStream(made);
  made.streams[0].says(hello);
  made.streams[0].fails();
  await made.clock.pass(2);
  made.sockets[3].accepts({ seq: 0, resumed: true });
  made.sockets[3].closes(1006);
  await made.clock.pass(16);
  assert.deepEqual([made.sockets.length, made.streams.length], [5, 1]);
});

test("a ticket stands in the address of a stream, and the token does not", async () => {
  let tickets = 0;
  const made = blocked({ getTicket: async () => `ticket-${++tickets}` });
  await untilStream(made);
  assert.equal(new URL(made.streams[0].url).searchParams.get("token"), "ticket-1");
  assert.deepEqual(
    made.sockets.map(({ protocols }) => protocols[1]),
    ["bearer.token-1", "bearer.token-2", "bearer.token-3"],
  );
});

test("while nothing gets through, both ways are tried in turn", async () => {
  const made = blocked();
  await untilStream(made);
  made.streams[0].fails();
  await made.clock.pass(16);
  assert.equal(made.sockets.length, 4);
  made.sockets[3].accepts();
  made.sockets[3].closes(1006);
  await made.clock.pass(16);
  assert.equal(made.sockets.length, 5); // a WebSocket was answered: it stays with that
});

test("a refusal by event has its code", async () => {
  const made = blocked();
  await untilStream(made);
  made.streams[0].says({ type: "AUTH_FAILED", reason: "REVOKED" });
  made.streams[0].says({ type: "CLOSED", code: 4003 });
  assert.deepEqual([made.socket.state, made.streams[0].closed], ["error", true]);
});

test("a stream that wants a new token is opened anew, from the cursor", async () => {
  const made = blocked();
  await untilStream(made);
  made.streams[0].says(hello);
  made.streams[0].says(created(1));
  made.streams[0].says({ type: "AUTH_REFRESH_REQUIRED", grace_seconds: 30 });
  await settle();
  assert.equal(made.streams[0].closed, true);
  made.sockets[3].closes(1006);
  await settle();
  assert.match(made.streams[1].url, /since=1&epoch=e&token=token-6/);
});

test("on a stream silence is no sign of anything", async () => {
  const made = blocked();
  await untilStream(made);
  made.streams[0].says(hello);
  await made.clock.pass(300);
  assert.equal(made.socket.state, "connected");
});

test("the cursor is kept across page loads, for its user", async () => {
  const storage = new FakeStorage();
  const first = await connectedClient({ storage, userId: "7" }, { seq: 2 });
  first.last().says(created(3));
  await first.clock.pass(1);
  const again = client({ storage, userId: "7" });
  assert.deepEqual(again.socket.cursor, { epoch: "e", seq: 3 });
  assert.equal(client({ storage, userId: "8" }).socket.cursor, null);
  assert.deepEqual(client({ storage, userId: "7", since: 9, epoch: "f" }).socket.cursor, { epoch: "f", seq: 9 });
});

test("a page that names no user has its cursor kept too, with the user whose inbox it is from", async () => {
  const storage = new FakeStorage();
  const first = await connectedClient({ storage: () => storage }, { seq: 2 });
  first.last().says(created(3));
  await first.clock.pass(1);
  const again = client({ storage: () => storage });
  assert.deepEqual([again.socket.cursor, again.socket.userId], [{ epoch: "e", seq: 3 }, "7"]);
  again.socket.connect();
  await settle();
  again.last().accepts({ user_id: "8", seq: 9, resumed: true });
  assert.deepEqual(again.all("userchange"), [{ userId: "8", previous: "7" }]);
  assert.equal(again.all("resync").at(-1).seq, 9);
});

test("what else lies in the storage is no cursor, and one that is forbidden is no trouble", async () => {
  const storage = new FakeStorage();
  for (const kept of ["", "null", "7", '{"seq":"1","epoch":"e"}', '{"seq":1}', "{"]) {
    storage.setItem("clarion:cursor:7", kept);
    assert.equal(client({ storage, userId: "7" }).socket.cursor, null);
  }
  const forbidden = () => {
    throw new DOMException("no", "SecurityError");
  };
  for (const storage of [{ getItem: forbidden, setItem: forbidden }, forbidden, () => null]) {
    const { socket, last, clock } = await connectedClient({ storage });
    last().says(created(1));
    await clock.pass(1);
    assert.equal(socket.cursor.seq, 1);
  }
});

test("an address may be relative to the page", () => {
  const page = { href: "https://here.example/threads/7?x" };
  assert.equal(absoluteUrl(null, page), "wss://here.example/ws/notification-updates/");
  assert.equal(absoluteUrl("/edge/ws/notification-updates/", page), "wss://here.example/edge/ws/notification-updates/");
  assert.equal(absoluteUrl("http://other.example:8001/ws/", page), "ws://other.example:8001/ws/");
});
