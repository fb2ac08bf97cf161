/** The store: what each frame changes. */

import assert from "node:assert/strict";
import test from "node:test";

import { applied } from "../store.js";
import { created } from "./fakes.js";
import { ids, row, storeByHand } from "./store-fakes.js";

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
