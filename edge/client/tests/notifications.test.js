/** The socket: connecting, and keeping its place. */

import assert from "node:assert/strict";
import test from "node:test";

import { socketUrl } from "../notifications.js";
import { client, connectedClient, created, settle } from "./fakes.js";

test("the address has the page's host, and the scheme that goes with it", () => {
  const page = { protocol: "http:", hostname: "here.example", port: "8000" };
  assert.equal(socketUrl(8001, page), "ws://here.example:8001/ws/notification-updates/");
  assert.equal(socketUrl(null, page), "ws://here.example:8000/ws/notification-updates/");
  assert.equal(socketUrl("", { ...page, protocol: "https:", port: "" }), "wss://here.example/ws/notification-updates/");
});

test("the token goes into the subprotocol, not into the address", async () => {
  const { sockets } = await connectedClient();
  assert.equal(sockets[0].url, "ws://edge/ws/");
  assert.deepEqual(sockets[0].protocols, ["clarion.v1", "bearer.token-1"]);
});

test("a cursor is asked for, and what follows it is emitted in order, once", async () => {
  const { sockets, all, socket } = await connectedClient({ since: 4, epoch: "e" }, { seq: 6, resumed: true });
  assert.equal(sockets[0].url, "ws://edge/ws/?since=4&epoch=e");
  for (const seq of [4, 5, 5, 6, 3]) sockets[0].says(created(seq));
  assert.deepEqual(
    all("frame").map(({ seq }) => seq),
    [5, 6],
  );
  assert.deepEqual(all("resync"), []);
  assert.deepEqual(socket.cursor, { epoch: "e", seq: 6 });
});

test("a connection that could not resume asks for the snapshot and goes on from there", async () => {
  const { sockets, all } = await connectedClient({}, { seq: 9, unread: 2 });
  assert.deepEqual(all("resync"), [{ epoch: "e", seq: 9, unread: 2, reason: "NOT_RESUMED" }]);
  sockets[0].says(created(9));
  sockets[0].says(created(10));
  assert.deepEqual(
    all("frame").map(({ seq }) => seq),
    [10],
  );
});

test("RESYNC and a gap ask for the snapshot", async () => {
  const { sockets, all } = await connectedClient({ since: 1, epoch: "e" }, { seq: 1, resumed: true });
  sockets[0].says({ type: "RESYNC", epoch: "f", seq: 3, unread: 1, reason: "EPOCH" });
  sockets[0].says(created(6));
  assert.deepEqual(
    all("resync").map(({ epoch, seq, reason }) => [epoch, seq, reason]),
    [
      ["f", 3, "EPOCH"],
      ["f", 6, "GAP"],
    ],
  );
  assert.deepEqual(all("frame"), []);
});

test("a frame of a later protocol moves the cursor like any other", async () => {
  const { sockets, socket } = await connectedClient({ since: 1, epoch: "e" }, { seq: 1, resumed: true });
  sockets[0].says({ type: "NOTIFICATION_COLLAPSED", seq: 2, unread: 0 });
  assert.equal(socket.cursor.seq, 2);
});

test("what is no frame is ignored", async () => {
  const { sockets, all, socket } = await connectedClient({ since: 1, epoch: "e" }, { seq: 1, resumed: true });
  for (const text of ["{", "null", "[]", "7", '{"seq":2}', '{"type":3,"seq":2}']) sockets[0].says(text);
  assert.deepEqual([all("frame"), socket.state], [[], "connected"]);
});

test("a listener may close the connection at any event, and it stays closed", async () => {
  for (const type of ["statechange", "connected", "resync", "frame"]) {
    const { socket, last, sockets, clock } = client();
    let ended = false;
    socket.addEventListener(type, () => {
      if (!ended) socket.close();
      ended = true;
    });
    socket.connect();
    await settle();
    last()?.accepts({ seq: 1, heartbeat_seconds: 3600 });
    last()?.onmessage?.({ data: JSON.stringify(created(2)) });
    await clock.pass(60);
    assert.deepEqual(
      [socket.state, sockets.length <= 1, sockets.every((one) => one.readyState === 3)],
      ["disconnected", true, true],
      type,
    );
  }
});

test("closed by us is closed: nothing brings it back but connect()", async () => {
  const { sockets, clock, window, socket } = await connectedClient();
  socket.close();
  window.dispatchEvent(new Event("online"));
  await clock.pass(60);
  assert.deepEqual([sockets.length, sockets[0].closedWith, socket.state], [1, 1000, "disconnected"]);
  socket.connect();
  await settle();
  assert.equal(sockets.length, 2);
});

test("revoked access is final", async () => {
  const { sockets, clock, window, socket } = await connectedClient();
  sockets[0].says({ type: "AUTH_FAILED", reason: "REVOKED" });
  sockets[0].closes(4003);
  window.dispatchEvent(new Event("online"));
  await clock.pass(60);
  assert.deepEqual([sockets.length, socket.state], [1, "error"]);
});

test("what was received is acknowledged once a second, under a steady stream too", async () => {
  const { sockets, clock } = await connectedClient({ since: 0, epoch: "e" }, { resumed: true });
  for (let seq = 1; seq <= 8; seq += 1) {
    sockets[0].says(created(seq));
    await clock.pass(0.25);
  }
  assert.deepEqual(sockets[0].sent, [
    { type: "ack", seq: 4 },
    { type: "ack", seq: 8 },
  ]);
});

test("a token is refreshed in band when the edge asks", async () => {
  const { sockets, socket } = await connectedClient();
  sockets[0].says({ type: "AUTH_REFRESH_REQUIRED", grace_seconds: 30 });
  await settle();
  assert.deepEqual(sockets[0].sent, [{ type: "AUTH", token: "token-2" }]);
  assert.equal(socket.state, "connected");
});

test("another user: everything shown is declared theirs no more, and the new inbox starts with its snapshot", async () => {
  const { sockets, clock, heard, socket, last } = await connectedClient({ userId: 7 }, { seq: 1 });
  sockets[0].closes(1006);
  await clock.pass(2);
  heard.length = 0;
  last().accepts({ user_id: "8", seq: 5, resumed: true });
  last().says(created(4)); // a replay from the cursor of another log
  last().says(created(6));
  assert.deepEqual(
    heard.map(([type]) => type),
    ["userchange", "statechange", "connected", "resync", "frame"],
  );
  assert.deepEqual(heard[0][1], { userId: "8", previous: "7" });
  assert.deepEqual([socket.userId, socket.cursor], ["8", { epoch: "e", seq: 6 }]);
});

test("a listener may end the connection of another user before anything of theirs is emitted", async () => {
  const { sockets, clock, all, socket, last } = await connectedClient({ userId: "7" }, { seq: 1 });
  socket.addEventListener("userchange", () => socket.close());
  sockets[0].closes(1006);
  await clock.pass(2);
  const connects = all("connected").length;
  last().accepts({ user_id: "8", seq: 5 });
  assert.deepEqual([socket.state, all("connected").length, all("resync").length], ["disconnected", connects, 1]);
});

test("identify() asks with a fresh token who is signed in, and shows nothing until then", async () => {
  const { sockets, all, socket } = await connectedClient({ userId: "7" }, { seq: 1 });
  socket.identify();
  await settle();
  assert.deepEqual([all("userchange"), socket.userId, socket.cursor], [[{ userId: null, previous: "7" }], null, null]);
  assert.deepEqual([sockets[0].closedWith, sockets[1].url], [1000, "ws://edge/ws/"]);
  sockets[1].accepts({ user_id: "7", seq: 3, resumed: false });
  assert.deepEqual(all("userchange").at(-1), { userId: "7", previous: null });
  assert.equal(all("resync").at(-1).seq, 3);
});

test("an id may be a number, as templates write it, and a cursor text", async () => {
  const { socket, sockets } = await connectedClient(
    { userId: 7, since: "4", epoch: 0 },
    { seq: 4, resumed: true, epoch: "0" },
  );
  assert.deepEqual([socket.state, socket.userId, sockets[0].url], ["connected", "7", "ws://edge/ws/?since=4&epoch=0"]);
  for (const since of [-1, 1.5, NaN, "x", null, 1e300]) assert.equal(client({ since, epoch: "e" }).socket.cursor, null);
});

test("a socket that was replaced is not listened to", async () => {
  const { sockets, clock, all } = await connectedClient({}, { seq: 1 });
  sockets[0].closes(1006);
  sockets[0].says(created(2));
  sockets[0].closes(1006);
  await clock.pass(2);
  assert.deepEqual([all("frame").length, sockets.length], [0, 2]);
});

test("without getToken the session's cookie opens the connection, and a new one when it expires", async () => {
  const { sockets, clock, socket } = client({ getToken: undefined });
  socket.connect();
  await clock.pass(1);
  assert.equal(sockets.length, 1);
  assert.deepEqual(
    sockets[0].protocols.filter((one) => one.startsWith("bearer.")),
    [],
  );
  sockets[0].accepts();
  sockets[0].says({ type: "AUTH_REFRESH_REQUIRED", grace_seconds: 30 });
  await clock.pass(1);
  assert.equal(sockets.length, 2);
});
