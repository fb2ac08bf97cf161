/** The store: what a page shows of an inbox. */

import assert from "node:assert/strict";
import test from "node:test";

import { NotificationStore, applied } from "../store.js";
import { Clock, created, settle } from "./fakes.js";

const ids = (store) => store.notifications.map(({ notificationId }) => notificationId);
const row = (seq, fields = {}) => {
  const { type, unread, ...notification } = created(seq, fields);
  return notification;
};
const snapshot = (seq, rows = [], fields = {}) => ({
  epoch: "e",
  seq,
  unread: rows.length,
  notifications: rows,
  ...fields,
});

/** A store whose snapshots are answered by hand: `answers[n](snapshot)` or `answers[n](error)`. */
function storeByHand(options = {}) {
  const clock = new Clock();
  const answers = [];
  const loadSnapshot = () =>
    new Promise((resolve, reject) =>
      answers.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer))),
    );
  const store = new NotificationStore({ loadSnapshot, setTimeout: clock.setTimeout, ...options });
  const socket = new EventTarget();
  const emit = (type, detail) => socket.dispatchEvent(new CustomEvent(type, { detail }));
  store.attach(socket);
  return { store, answers, clock, emit };
}

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

test("read and unread change one notification; the count is the frame's", () => {
  const { store } = storeByHand();
  store.apply(created(1));
  store.apply(created(2));
  store.apply({ type: "NOTIFICATION_UPDATED", seq: 3, unread: 1, notificationId: "1", isRead: true, modified: "…" });
  assert.deepEqual(
    store.notifications.map(({ isRead }) => isRead),
    [false, true],
  );
  assert.equal(store.unread, 1);
});

test("read through: all up to a seq, of the topic and kind that are named", () => {
  const notifications = [
    row(4, { topic: "a" }),
    row(3, { topic: "a", notificationType: "MENTION" }),
    row(2, { topic: "b" }),
    row(1, { topic: "a" }),
  ];
  const read = (fields) =>
    applied(notifications, {
      type: "NOTIFICATIONS_READ",
      seq: 5,
      unread: 0,
      through: 4,
      topic: null,
      notificationType: null,
      ...fields,
    })
      .filter(({ isRead }) => isRead)
      .map(({ notificationId }) => notificationId);
  assert.deepEqual(read({}), ["4", "3", "2", "1"]);
  assert.deepEqual(read({ through: 3 }), ["3", "2", "1"]);
  assert.deepEqual(read({ topic: "a" }), ["4", "3", "1"]);
  assert.deepEqual(read({ topic: "a", notificationType: "MENTION" }), ["3"]);
  assert.ok(notifications.every(({ isRead }) => !isRead));
});

/** One more collapsed into the notification `id`. */
const grown = (seq, id, fields = {}) => ({
  ...created(seq),
  type: "NOTIFICATION_UPDATED",
  notificationId: id,
  modified: "…",
  quiet: false,
  count: 2,
  actors: [{ id: "7", username: "ann" }],
  actorCount: 1,
  ...fields,
});

test("what collapses is replaced as a whole and moves to the top, under the same name", () => {
  const { store } = storeByHand();
  for (const seq of [1, 2, 3]) store.apply(created(seq));
  store.apply(grown(4, "1", { unread: 3, count: 2, data: { excerpt: "newer" }, messageId: "9" }));
  const { type, unread, modified, quiet, ...notification } = grown(4, "1", {
    data: { excerpt: "newer" },
    messageId: "9",
  });
  assert.deepEqual([ids(store), store.unread], [["1", "3", "2"], 3]);
  assert.deepEqual(store.notifications[0], notification);
});

test("one that is no longer kept comes back when it grows", () => {
  const { store } = storeByHand({ limit: 2 });
  for (const seq of [1, 2, 3]) store.apply(created(seq));
  store.apply(grown(4, "1"));
  assert.deepEqual(ids(store), ["1", "3"]);
});

test("to be marked read changes neither its place nor its seq", () => {
  const { store } = storeByHand();
  store.apply(created(1));
  store.apply(created(2));
  store.apply({ type: "NOTIFICATION_UPDATED", seq: 3, unread: 1, notificationId: "1", isRead: true, modified: "…" });
  assert.deepEqual(
    store.notifications.map(({ seq, isRead }) => [seq, isRead]),
    [
      [2, false],
      [1, true],
    ],
  );
});

test("read through is measured by the seq that a notification has now, not by its name", () => {
  const { store } = storeByHand();
  store.apply(created(1));
  store.apply(created(2));
  store.apply(grown(3, "1"));
  const read = { type: "NOTIFICATIONS_READ", seq: 4, unread: 1, through: 2, topic: null, notificationType: null };
  store.apply(read);
  assert.deepEqual(
    store.notifications.map(({ notificationId, isRead }) => [notificationId, isRead]),
    [
      ["1", false],
      ["2", true],
    ],
  );
  store.apply({ ...read, seq: 5, unread: 0, through: 3 });
  assert.ok(store.notifications.every(({ isRead }) => isRead));
});

test("what is new and what grows is announced, and whether quietly", () => {
  const { store } = storeByHand();
  const heard = [];
  for (const type of ["created", "grown"]) {
    store.addEventListener(type, ({ detail }) => heard.push([type, detail.notification.seq, detail.quiet]));
  }
  store.apply(created(1));
  store.apply(created(2, { quiet: true }));
  store.apply(grown(3, "1"));
  store.apply(grown(4, "1", { quiet: true }));
  store.apply({ type: "NOTIFICATION_UPDATED", seq: 5, unread: 1, notificationId: "1", isRead: true, modified: "…" });
  assert.deepEqual(heard, [
    ["created", 1, false],
    ["created", 2, true],
    ["grown", 3, false],
    ["grown", 4, true],
  ]);
  assert.ok(store.notifications.every((one) => !("quiet" in one)));
});

test("deleted is gone; what is not here is no matter", () => {
  const { store } = storeByHand();
  store.apply(created(1));
  store.apply({ type: "NOTIFICATION_DELETED", seq: 2, unread: 0, notificationId: "1" });
  store.apply({ type: "NOTIFICATION_DELETED", seq: 3, unread: 0, notificationId: "77" });
  assert.deepEqual([ids(store), store.unread], [[], 0]);
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
