/** The unseen count of a store: exact after every frame, as the server counts. */

import assert from "node:assert/strict";
import test from "node:test";

import { NotificationStore } from "../store.js";
import { Clock, created, settle } from "./fakes.js";

const seen = (seq, through, unread = 0) => ({ type: "INBOX_SEEN", seq, unread, unseen: 0, through });
const marked = (seq, id, isRead) => ({
  type: "NOTIFICATION_UPDATED",
  seq,
  unread: 0,
  notificationId: String(id),
  isRead,
});

/** A server with one inbox, and a store of `limit` rows that follows it. */
class Model {
  rows = new Map();
  head = 0;
  seen = 0;
  reads = 0;
  clock = new Clock();

  constructor(limit) {
    const loadSnapshot = async () => {
      this.reads += 1;
      const shown = this.#sorted();
      const { head: seq, seen, unseen } = this;
      return {
        epoch: "e",
        seq,
        unread: 0,
        seen,
        unseen,
        notifications: shown.slice(0, limit).map((one) => ({ ...one })),
      };
    };
    this.store = new NotificationStore({ loadSnapshot, limit, setTimeout: this.clock.setTimeout });
  }

  #sorted = () => [...this.rows.values()].sort((a, b) => b.seq - a.seq);

  get unseen() {
    return Math.min(100, this.#sorted().filter((one) => !one.isRead && one.seq > this.seen).length);
  }

  create(topic = "a") {
    const frame = created(++this.head, { topic });
    const { type, unread, ...row } = frame;
    this.rows.set(row.notificationId, row);
    this.store.apply(frame);
  }

  grow(id) {
    const frame = { ...this.rows.get(id), seq: ++this.head, isRead: false, type: "NOTIFICATION_UPDATED", unread: 0 };
    const { type, unread, ...row } = frame;
    this.rows.set(id, row);
    this.store.apply(frame);
  }

  mark(id, isRead) {
    this.rows.get(id).isRead = isRead;
    this.store.apply(marked(++this.head, id, isRead));
  }

  remove(id) {
    this.rows.delete(id);
    this.store.apply({ type: "NOTIFICATION_DELETED", seq: ++this.head, unread: 0, notificationId: id });
  }

  readThrough(through, topic) {
    for (const one of this.rows.values()) {
      if (one.seq <= through && (topic === null || topic === one.topic)) one.isRead = true;
    }
    const frame = { type: "NOTIFICATIONS_READ", seq: ++this.head, unread: 0, through, topic, notificationType: null };
    this.store.apply(frame);
  }

  see(through) {
    this.seen = Math.max(this.seen, through);
    this.store.apply(seen(++this.head, through));
  }
}

test("new ones are unseen; seeing, reading and deleting lower the count", async () => {
  const model = new Model(50);
  await model.store.load();
  for (const _ of [1, 2, 3, 4]) model.create();
  assert.equal(model.store.unseen, 4);
  model.mark("1", true);
  model.remove("2");
  assert.equal(model.store.unseen, 2);
  model.see(3);
  assert.equal(model.store.unseen, 1);
  model.see(model.head);
  model.create();
  model.grow("3"); // a seen one grows: that is news
  assert.equal(model.store.unseen, 2);
  assert.equal(model.reads, 1);
});

test("an older server sends neither seen nor unseen", async () => {
  const { type, unread, ...one } = created(1);
  const store = new NotificationStore({
    loadSnapshot: async () => ({ epoch: "e", seq: 1, unread: 1, notifications: [one] }),
  });
  await store.load();
  assert.equal(store.unseen, 1);
});

test("a count beyond the list is exact, and ends at a hundred", async () => {
  const model = new Model(3);
  await model.store.load();
  for (let number = 0; number < 120; number += 1) model.create();
  assert.equal(model.store.unseen, 100);
  model.readThrough(model.head, null);
  assert.deepEqual([model.store.unseen, model.reads], [0, 1]);
});

test("another user's count starts anew", async () => {
  const model = new Model(3);
  const socket = new EventTarget();
  model.store.attach(socket);
  await model.store.load();
  model.create();
  socket.dispatchEvent(new CustomEvent("userchange", { detail: { userId: "8", previous: "7" } }));
  assert.equal(model.store.unseen, 0);
});

/** Numbers from a seed, so that a failure can be repeated. */
function random(seed) {
  let state = seed;
  return (below) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
}

for (const limit of [2, 5, 50]) {
  test(`random histories, with a list of ${limit}`, async () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const chance = random(seed);
      const model = new Model(limit);
      for (let before = chance(8); before > 0; before -= 1) model.create();
      await model.store.load();
      for (let step = 0; step < 80; step += 1) {
        const ids = [...model.rows.keys()];
        const any = ids[chance(ids.length)];
        const topic = ["a", "b", null][chance(3)];
        const deeds = [
          () => model.create(topic ?? "a"),
          () => model.create(topic ?? "b"),
          () => any && model.grow(any),
          () => any && model.mark(any, chance(2) === 0),
          () => any && model.remove(any),
          () => model.readThrough(chance(model.head + 1), topic),
          () => model.see(chance(3) ? model.head : chance(model.head + 1)),
        ];
        deeds[chance(deeds.length)]();
        if (limit < 50) await model.clock.pass(3); // time for a snapshot, where there is a doubt
        assert.equal(model.store.unseen, model.unseen, `seed ${seed}, step ${step}`);
      }
      if (limit === 50) assert.equal(model.reads, 1);
      await settle();
    }
  });
}
