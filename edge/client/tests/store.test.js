/** The store: reading the snapshot, and what becomes of it. */

import assert from "node:assert/strict";
import test from "node:test";

import { NotificationStore, applied } from "../store.js";
import { Clock, created, settle } from "./fakes.js";
import { ids, row, snapshot, storeByHand } from "./store-fakes.js";

test("the snapshot, and then the frames after it, newest first", async () => {
  const { store, answers, emit } = storeByHand();
  const loading = store.load();
  answers[0](snapshot(2, [row(2), row(1)]));
  await loading;
  assert.deepEqual(store.cursor, { epoch: "e", seq: 2 });
  emit("frame", created(3));
  assert.deepEqual([ids(store), store.unread], [["3", "2", "1"], 3]);
});

test("frames that arrive while the snapshot is read are applied after it, those it contains are dropped", async () => {
  const { store, answers, emit } = storeByHand();
  const heard = [];
  store.addEventListener("created", ({ detail }) => heard.push(detail.notification.notificationId));
  emit("resync", { epoch: "e", seq: 4, unread: 0, reason: "BEHIND" });
  for (const seq of [5, 6, 7]) emit("frame", created(seq));
  assert.deepEqual(ids(store), []);
  answers[0](snapshot(6, [row(6), row(5)]));
  await settle();
  assert.deepEqual([ids(store), store.cursor.seq, heard], [["7", "6", "5"], 7, ["7"]]);
});

test("a snapshot older than asked for is read again", async () => {
  const { store, answers, clock, emit } = storeByHand();
  emit("resync", { epoch: "e", seq: 4, unread: 0, reason: "BEHIND" });
  answers[0](snapshot(3, [row(3)]));
  await settle();
  assert.equal(store.cursor, null);
  await clock.pass(1);
  answers[1](snapshot(4, [row(4)]));
  await settle();
  assert.deepEqual(ids(store), ["4"]);
});

test("a snapshot that fails is read again, with frames held meanwhile", async () => {
  const { store, answers, clock, emit } = storeByHand();
  const trouble = [];
  store.addEventListener("trouble", ({ detail }) => trouble.push(detail.error.message));
  emit("resync", { epoch: "e", seq: 1, unread: 0, reason: "BEHIND" });
  answers[0](new Error("down"));
  await clock.pass(1);
  answers[1](new Error("still down"));
  emit("frame", created(2));
  await clock.pass(2);
  answers[2](snapshot(1, [row(1)]));
  await settle();
  assert.deepEqual(
    [ids(store), trouble],
    [
      ["2", "1"],
      ["down", "still down"],
    ],
  );
});

test("of two demands for the snapshot the later one counts", async () => {
  const { store, answers, emit } = storeByHand();
  emit("resync", { epoch: "e", seq: 1, unread: 0, reason: "BEHIND" });
  emit("frame", created(2, { data: { from: "old epoch" } }));
  emit("resync", { epoch: "f", seq: 1, unread: 0, reason: "EPOCH" });
  answers[1](snapshot(1, [row(1)], { epoch: "f" }));
  await settle();
  answers[0](snapshot(9, [row(9)]));
  await settle();
  assert.deepEqual([ids(store), store.cursor], [["1"], { epoch: "f", seq: 1 }]);
});

test("a reading that fails changes nothing, and loses no frame", async () => {
  const { store, answers, emit } = storeByHand();
  const first = store.load();
  answers[0](snapshot(1, [row(1)]));
  await first;
  const second = store.load();
  emit("frame", created(2));
  answers[1](new Error("down"));
  await assert.rejects(second, /down/);
  assert.deepEqual(ids(store), ["2", "1"]);
});

test("a reading that fails does not end the demand of a socket", async () => {
  const { store, answers, emit } = storeByHand();
  emit("resync", { epoch: "e", seq: 5, unread: 0, reason: "BEHIND" });
  const mine = store.load();
  emit("frame", created(6));
  answers[1](new Error("down"));
  await assert.rejects(mine, /down/);
  assert.deepEqual(ids(store), []);
  answers[2](snapshot(5, [row(5)]));
  await settle();
  assert.deepEqual(ids(store), ["6", "5"]);
});

test("a frame that was seen is dropped", async () => {
  const { store, answers, emit } = storeByHand();
  const loading = store.load();
  answers[0](snapshot(2, [row(2)]));
  await loading;
  let changes = 0;
  store.addEventListener("change", () => (changes += 1));
  emit("frame", created(2, { unread: 9 }));
  assert.deepEqual([changes, store.unread], [0, 1]);
});

test("no more is kept than the limit", () => {
  const { store } = storeByHand({ limit: 3 });
  for (let seq = 1; seq <= 10; seq += 1) store.apply(created(seq));
  assert.deepEqual([ids(store), store.unread], [["10", "9", "8"], 10]);
});

test("on request nothing is shown while the connection is lost, and the snapshot when it is back", async () => {
  const { store, answers, emit } = storeByHand({ clearOnReconnect: true });
  const loading = store.load();
  answers[0](snapshot(1, [row(1)]));
  await loading;
  emit("statechange", { previous: "connecting", state: "connected" });
  assert.deepEqual([ids(store), answers.length], [["1"], 1]);
  emit("statechange", { previous: "connected", state: "reconnecting" });
  assert.deepEqual(ids(store), []);
  emit("statechange", { previous: "reconnecting", state: "connected" });
  emit("frame", created(2));
  emit("frame", created(3));
  answers[1](snapshot(2, [row(2), row(1)]));
  await settle();
  assert.deepEqual([ids(store), store.unread], [["3", "2", "1"], 3]);
});

test("what is shown stays while the connection is lost", () => {
  const { store, emit } = storeByHand();
  emit("frame", created(1));
  emit("statechange", { previous: "connected", state: "reconnecting" });
  emit("statechange", { previous: "reconnecting", state: "connected" });
  assert.deepEqual(ids(store), ["1"]);
});

test("following can be ended", () => {
  const { store } = storeByHand();
  const socket = new EventTarget();
  store.attach(socket)();
  socket.dispatchEvent(new CustomEvent("frame", { detail: created(1) }));
  assert.deepEqual(ids(store), []);
});

test("an answer that is no snapshot changes nothing: the body of an error, or a snapshot with holes", async () => {
  const { store, answers } = storeByHand();
  const loading = store.load();
  answers[0](snapshot(2, [row(2)]));
  await loading;
  const good = snapshot(3, [row(3)]);
  const bad = [
    { detail: "Unauthorized" },
    null,
    undefined,
    "<html>",
    [],
    { ...good, seq: "3" },
    { ...good, seq: -1 },
    { ...good, epoch: null },
    { ...good, unread: undefined },
    { ...good, notifications: {} },
  ];
  for (const answer of bad) {
    const again = store.load();
    answers.at(-1)(answer);
    await assert.rejects(again, /loadSnapshot\(\) did not return a snapshot/);
    assert.deepEqual([ids(store), store.unread, store.cursor], [["2"], 1, { epoch: "e", seq: 2 }]);
  }
});

test("when the user changes, everything is forgotten, a snapshot on its way too", async () => {
  const { store, answers, emit } = storeByHand();
  const loading = store.load();
  answers[0](snapshot(40, [row(40)]));
  await loading;
  emit("resync", { epoch: "e", seq: 41, unread: 0, reason: "BEHIND" });
  emit("userchange", { userId: "8", previous: "7" });
  assert.deepEqual([ids(store), store.unread, store.cursor], [[], 0, null]);
  answers[1](snapshot(41, [row(41)])); // read with the session of the user before
  emit("frame", created(42));
  await settle();
  assert.deepEqual(ids(store), []);
  emit("resync", { epoch: "e", seq: 2, unread: 0, reason: "NOT_RESUMED" });
  answers[2](snapshot(2, [row(2)]));
  await settle();
  assert.deepEqual([ids(store), store.cursor], [["2"], { epoch: "e", seq: 2 }]);
});

test("a snapshot of another user than the connection's is not shown, and the connection finds out who is signed in", async () => {
  const clock = new Clock();
  const answers = [{ ...snapshot(2, [row(2)]), user_id: "8" }];
  const store = new NotificationStore({ loadSnapshot: async () => answers.at(-1), setTimeout: clock.setTimeout });
  const socket = Object.assign(new EventTarget(), { userId: "7", asked: 0, identify: () => (socket.asked += 1) });
  store.attach(socket);
  const resync = () =>
    socket.dispatchEvent(new CustomEvent("resync", { detail: { epoch: "e", seq: 1, unread: 0, reason: "GAP" } }));
  resync();
  await clock.pass(40);
  assert.deepEqual([ids(store), socket.asked], [[], 1]); // once, also where they never agree
  socket.userId = "8";
  resync();
  await clock.pass(1);
  assert.deepEqual(ids(store), ["2"]);
});
