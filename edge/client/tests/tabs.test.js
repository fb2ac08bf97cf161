/** Several tabs of one browser: one connection, one log in all of them. */

import assert from "node:assert/strict";
import test from "node:test";

import { FakeLocks, created, fakeChannels, settle } from "./fakes.js";
import { at, browser } from "./tab-fakes.js";

test("one tab connects, and all of them hear every change in order", async () => {
  const { tab, sockets } = browser();
  const [first, second] = [tab(at(0)), tab(at(0))];
  await settle();
  assert.equal(sockets.length, 1);
  sockets[0].accepts({ seq: 0, resumed: true });
  for (const seq of [1, 2, 3]) sockets[0].says(created(seq));
  await settle();
  assert.deepEqual(
    [first.seqs(), second.seqs()],
    [
      [1, 2, 3],
      [1, 2, 3],
    ],
  );
  assert.deepEqual([first.socket.state, second.socket.state], ["connected", "connected"]);
  assert.deepEqual([first.socket.leads, second.socket.leads], [true, false]);
});

test("a tab that opens later is told what it lacks, and one that has more drops what it has", async () => {
  const { tab, sockets } = browser();
  const first = tab(at(0));
  await settle();
  sockets[0].accepts({ seq: 0, resumed: true });
  for (const seq of [1, 2, 3]) sockets[0].says(created(seq));
  const [behind, ahead] = [tab(at(1)), tab(at(5))];
  await settle();
  assert.deepEqual(behind.seqs(), [2, 3]);
  for (const seq of [4, 5, 6]) sockets[0].says(created(seq));
  await settle();
  assert.deepEqual([first.seqs(), behind.seqs(), ahead.seqs()], [[1, 2, 3, 4, 5, 6], [2, 3, 4, 5, 6], [6]]);
  assert.deepEqual([behind.all("resync"), ahead.all("resync"), sockets.length], [[], [], 1]);
});

test("a tab that lacks more than the leader has kept reads the snapshot", async () => {
  const { tab, sockets } = browser();
  tab(at(50));
  await settle();
  sockets[0].accepts({ seq: 50, resumed: true });
  sockets[0].says(created(51));
  const late = tab(at(3));
  const fresh = tab();
  await settle();
  for (const one of [late, fresh]) {
    assert.deepEqual(
      one.all("resync").map(({ epoch, seq }) => [epoch, seq]),
      [["e", 51]],
    );
  }
  sockets[0].says(created(52));
  await settle();
  assert.deepEqual([late.seqs(), fresh.seqs()], [[52], [52]]);
});

test("when the leader goes, the next one goes on at once from its own cursor, without a hole or a repeat", async () => {
  const { tab, sockets, live } = browser();
  const [first, second, third] = [tab(at(0)), tab(at(0)), tab(at(0))];
  await settle();
  sockets[0].accepts({ seq: 0, resumed: true });
  for (const seq of [1, 2]) sockets[0].says(created(seq));
  await settle();
  first.socket.close();
  await settle();
  assert.equal(live().length, 1);
  assert.match(sockets[1].url, /since=2&epoch=e/);
  sockets[1].accepts({ seq: 4, resumed: true });
  for (const seq of [3, 4, 5]) sockets[1].says(created(seq));
  await settle();
  assert.deepEqual(
    [first.seqs(), second.seqs(), third.seqs()],
    [
      [1, 2],
      [1, 2, 3, 4, 5],
      [1, 2, 3, 4, 5],
    ],
  );
});

test("a leader that dies in the middle of a sentence costs the others nothing", async () => {
  const BroadcastChannel = fakeChannels();
  const { tab, sockets } = browser({ BroadcastChannel });
  const [first, second, third] = [tab(at(0)), tab(at(0)), tab(at(0))];
  await settle();
  sockets[0].accepts({ seq: 0, resumed: true });
  await settle();
  BroadcastChannel.carries = (message, from, to) => message.what !== "frames" || to === 2; // the third alone hears it
  sockets[0].says(created(1));
  first.socket.close();
  await settle();
  BroadcastChannel.carries = () => true;
  assert.deepEqual([second.seqs(), third.seqs()], [[], [1]]);
  assert.match(sockets[1].url, /since=0&epoch=e/);
  sockets[1].accepts({ seq: 1, resumed: true });
  for (const seq of [1, 2]) sockets[1].says(created(seq));
  await settle();
  assert.deepEqual(
    [second.seqs(), third.seqs()],
    [
      [1, 2],
      [1, 2],
    ],
  );
});

test("a message that is lost between tabs is asked for", async () => {
  const BroadcastChannel = fakeChannels();
  const { tab, sockets } = browser({ BroadcastChannel });
  const [, second] = [tab(at(0)), tab(at(0))];
  await settle();
  sockets[0].accepts({ seq: 0, resumed: true });
  BroadcastChannel.carries = (message) => message.what !== "frames";
  sockets[0].says(created(1));
  BroadcastChannel.carries = () => true;
  sockets[0].says(created(2));
  await settle();
  assert.deepEqual(second.seqs(), [1, 2]);
});

test("a leader that was frozen is replaced by a tab that is seen, and follows when it wakes", async () => {
  const BroadcastChannel = fakeChannels();
  const { tab, sockets, clock, live } = browser({ BroadcastChannel });
  const frozen = tab(at(0));
  await settle();
  sockets[0].accepts({ seq: 0, resumed: true });
  BroadcastChannel.carries = (message, from, to) => from !== 0 && to !== 0;
  const seen = tab(at(0));
  await clock.pass(3);
  assert.deepEqual([frozen.socket.leads, seen.socket.leads], [true, false]);
  BroadcastChannel.carries = () => true;
  await clock.pass(2);
  assert.deepEqual([frozen.socket.leads, seen.socket.leads, live().length], [false, true, 1]);
  live()[0].accepts({ seq: 0, resumed: true });
  live()[0].says(created(1));
  await settle();
  assert.deepEqual([frozen.seqs(), seen.seqs(), frozen.socket.state], [[1], [1], "connected"]);
});

test("a leader that answers is left alone", async () => {
  const { tab, clock, live } = browser();
  const [first, second] = [tab(at(0)), tab(at(0))];
  await clock.pass(60);
  assert.deepEqual([first.socket.leads, second.socket.leads, live().length], [true, false, 1]);
});

test("without an answer the lock is taken over", async () => {
  const locks = new FakeLocks();
  const { tab, sockets, clock } = browser({ locks });
  void locks.request("clarion:ws://edge/ws/:7", {}, () => new Promise(() => {})).catch(() => {}); // silent for ever
  const one = tab(at(0));
  await settle();
  assert.equal(sockets.length, 0);
  await clock.pass(4);
  assert.deepEqual([sockets.length, one.socket.leads], [1, true]);
});

test("a hidden page lets go, and joins again when it is shown", async () => {
  const { tab, sockets, live } = browser();
  const [first, second] = [tab(at(0)), tab(at(0))];
  await settle();
  first.window.dispatchEvent(new Event("pagehide"));
  await settle();
  assert.deepEqual([first.socket.state, first.socket.leads, second.socket.leads], ["disconnected", false, true]);
  sockets.at(-1).accepts({ seq: 0, resumed: true });
  sockets.at(-1).says(created(1));
  first.window.dispatchEvent(new Event("pageshow"));
  await settle();
  assert.deepEqual([first.seqs(), first.socket.state, live().length], [[1], "connected", 1]);
});

test("RESYNC reaches every tab", async () => {
  const { tab, sockets } = browser();
  const [first, second] = [tab(at(2)), tab(at(2))];
  await settle();
  sockets[0].accepts({ seq: 2, resumed: true });
  sockets[0].says({ type: "RESYNC", epoch: "f", seq: 9, unread: 1, reason: "EPOCH" });
  sockets[0].says(created(10));
  await settle();
  for (const one of [first, second]) {
    assert.deepEqual(
      one.all("resync").map(({ epoch, seq }) => [epoch, seq]),
      [["f", 9]],
    );
    assert.deepEqual(one.seqs(), [10]);
  }
});

test("something is announced in one tab only, and rather in one that is seen", async () => {
  const { tab, clock } = browser();
  const [hidden, seen, other] = [tab(at(0)), tab(at(0)), tab(at(0))];
  hidden.document.visibilityState = "hidden";
  const claims = Promise.all([hidden, seen, other].map(({ socket }) => socket.claim("toast:1")));
  await clock.pass(1);
  assert.deepEqual(await claims, [false, true, false]);
  const next = Promise.all([hidden.socket.claim("toast:2")]);
  await clock.pass(1);
  assert.deepEqual(await next, [true]); // nobody else was there to see it
});

test("tabs that share locks and hear nothing of each other do not take the lock back and forth for ever", async () => {
  const BroadcastChannel = fakeChannels();
  BroadcastChannel.carries = () => false;
  const { tab, clock, live } = browser({ BroadcastChannel });
  const [first, second] = [tab(at(0)), tab(at(0))];
  await clock.pass(40);
  for (let seconds = 0; seconds < 60; seconds += 1) {
    for (const one of live()) if (one.readyState === 0) one.accepts({ seq: 0, resumed: true, heartbeat_seconds: 3600 });
    await clock.pass(1);
  }
  assert.deepEqual([live().length, first.socket.state, second.socket.state], [2, "connected", "connected"]);
});

test("a leader that is suspended is replaced by a tab that was visible all the time", async () => {
  const BroadcastChannel = fakeChannels();
  const { tab, sockets, clock, live } = browser({ BroadcastChannel });
  const [frozen, seen] = [tab(at(0)), tab(at(0))];
  await settle();
  sockets[0].accepts({ seq: 0, resumed: true });
  await clock.pass(30);
  assert.deepEqual([frozen.socket.leads, seen.socket.state], [true, "connected"]);
  BroadcastChannel.carries = (message, from, to) => from !== 0 && to !== 0;
  await clock.pass(15);
  assert.deepEqual([seen.socket.leads, live().length], [true, 1]);
});

test("a tab that was suspended itself does not blame the leader", async () => {
  const { tab, sockets, clock, live } = browser();
  const [first, second] = [tab(at(0)), tab(at(0))];
  await settle();
  sockets[0].accepts({ seq: 0, resumed: true });
  await settle();
  second.document.dispatchEvent(new Event("visibilitychange")); // it asks
  clock.time += 600_000; // and its timer fires ten minutes late, before the answer is delivered
  await clock.pass(1);
  assert.deepEqual([first.socket.leads, second.socket.leads, live().length], [true, false, 1]);
});

test("a leader that is refused for good gives way to the next tab, and connect() starts anew", async () => {
  const { tab, sockets, live } = browser();
  const first = tab(at(0));
  await settle();
  sockets[0].accepts({ seq: 0, resumed: true });
  sockets[0].closes(4003);
  assert.deepEqual([first.socket.state, first.socket.leads], ["error", false]);
  const second = tab(at(0)); // loaded after the user signed in again
  await settle();
  live()[0].accepts({ seq: 0, resumed: true });
  assert.deepEqual([second.socket.state, second.socket.leads], ["connected", true]);
  first.socket.connect();
  await settle();
  live()[0].says(created(1));
  await settle();
  assert.deepEqual([first.socket.state, first.seqs(), second.seqs(), live().length], ["connected", [1], [1], 1]);
});

test("a leader whose tokens are refused gives way, and comes back after a while", async () => {
  const { tab, clock, live } = browser();
  let token = "old";
  const first = tab({ ...at(0), getToken: async () => token });
  await settle();
  for (let refused = 0; refused < 3; refused += 1) {
    live()[0].closes(4002);
    await clock.pass(8);
  }
  assert.equal(first.socket.state, "error");
  token = "new";
  await clock.pass(128);
  assert.equal(live()[0].protocols[1], "bearer.new");
  live()[0].accepts({ seq: 0, resumed: true });
  assert.equal(first.socket.state, "connected");
});
