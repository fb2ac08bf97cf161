/** A browser without locks or channels, or that refuses them: each tab has a connection of its own. */

import assert from "node:assert/strict";
import test from "node:test";

import { FakeLocks, created, settle } from "./fakes.js";
import { at, browser } from "./tab-fakes.js";

test("where a browser lacks locks or channels, each tab has a connection of its own", async () => {
  for (const lack of [{ locks: null }, { BroadcastChannel: null }]) {
    const { tab, sockets } = browser(lack);
    const [first, second] = [tab(at(0)), tab(at(0))];
    await settle();
    assert.equal(sockets.length, 2);
    sockets[0].accepts({ seq: 0, resumed: true });
    sockets[0].says(created(1));
    assert.deepEqual([first.seqs(), second.seqs()], [[1], []]);
  }
});

const refusal = () => new DOMException("Access to the Locks API is denied in this context.", "SecurityError");

const throwing = () => {
  throw refusal();
};

/** What browsers do that have an API and refuse it: a sandboxed frame, blocked cookies, a page that is being closed. */
const refusals = {
  "request() throws": { locks: { request: throwing } },
  "request() rejects": { locks: { request: async () => throwing() } },
  "request() never settles": { locks: { request: () => new Promise(() => {}) } },
  "request() returns nothing": { locks: { request: () => undefined } },
  "BroadcastChannel throws": {
    BroadcastChannel: class {
      constructor() {
        throwing();
      }
    },
  },
  "postMessage() throws": {
    BroadcastChannel: class {
      postMessage() {
        throwing();
      }
      close() {}
    },
  },
};

for (const [how, lack] of Object.entries(refusals)) {
  test(`where locks or channels are refused, a tab leads alone and does not ask again: ${how}`, async () => {
    let asked = 0;
    const request = (...rest) => {
      asked += 1;
      return (lack.locks ?? new FakeLocks()).request(...rest);
    };
    const { tab, clock, live } = browser({ ...lack, locks: { request } });
    const one = tab(at(0));
    await clock.pass(9);
    assert.deepEqual([live().length, one.socket.leads], [1, true]);
    live()[0].accepts({ seq: 0, resumed: true, heartbeat_seconds: 3600 });
    live()[0].says(created(1));
    const before = asked;
    await clock.pass(60);
    assert.deepEqual([one.seqs(), one.socket.state, live().length], [[1], "connected", 1]);
    assert.ok(asked <= 2 && asked === before, `${asked} requests`);
    const claim = one.socket.claim("toast:1");
    await clock.pass(3);
    assert.equal(await claim, true);
  });
}
