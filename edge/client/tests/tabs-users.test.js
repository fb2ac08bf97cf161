/** Several tabs of one browser: all of them follow the user who is signed in. */

import assert from "node:assert/strict";
import test from "node:test";

import { announceUser } from "../notifications.js";
import { created, settle } from "./fakes.js";
import { at, browser } from "./tab-fakes.js";

/** Pages of one browser whose session is `signedIn.as`; the edge answers each connection accordingly. */
function sharedSession() {
  const made = browser();
  const signedIn = { as: "7" };
  const open = (userId) =>
    made.tab({ ...at(5), userId, getToken: async () => signedIn.as && `token of ${signedIn.as}` });
  const answer = async () => {
    for (let round = 0; round < 12; round += 1) {
      await settle();
      for (const one of made.live())
        if (one.readyState === 0) one.accepts({ user_id: one.protocols[1].at(-1), seq: 5 });
    }
  };
  return { ...made, signedIn, open, answer };
}

test("when another user signs in, all tabs notice, forget what they had and follow that user", async () => {
  const { signedIn, open, answer, live } = sharedSession();
  const anns = [open("7"), open(7), open("7")];
  await answer();
  signedIn.as = "8";
  open("8");
  await settle();
  for (const one of anns) assert.deepEqual(one.all("userchange")[0], { userId: null, previous: "7" });
  await answer();
  for (const one of anns) {
    assert.deepEqual(one.all("userchange").at(-1), { userId: "8", previous: null });
    assert.deepEqual([one.socket.userId, one.socket.state], ["8", "connected"]);
  }
  assert.equal(live().length, 1);
  live()[0].says(created(6));
  await settle();
  for (const one of anns) assert.deepEqual(one.seqs(), [6]);
});

test("a tab whose own token still names its user goes on, and the announcements end", async () => {
  const { signedIn, open, answer, live } = sharedSession();
  const ann = open("7");
  await answer();
  const eva = open("8"); // with a token of its own, as pages have that keep it in sessionStorage
  await answer();
  signedIn.as = "7";
  assert.deepEqual([ann.socket.userId, ann.socket.state, ann.all("userchange").length], ["7", "connected", 2]);
  assert.ok(eva.all("userchange").length <= 2 && live().length <= 2);
});

test("a page without a connection announces that the user has signed out", async () => {
  const { signedIn, open, answer, BroadcastChannel, live } = sharedSession();
  const ann = open("7");
  await answer();
  signedIn.as = null;
  announceUser(null, null, { BroadcastChannel });
  await settle();
  assert.deepEqual(ann.all("userchange"), [{ userId: null, previous: "7" }]);
  await answer();
  assert.deepEqual([live().length, ann.socket.state, ann.socket.userId], [0, "reconnecting", null]);
  signedIn.as = "8";
  announceUser(8, "ws://edge/ws/", { BroadcastChannel });
  await answer();
  assert.deepEqual([ann.socket.userId, ann.socket.state], ["8", "connected"]);
});

test("a reconnect that finds another user tells the other tabs", async () => {
  const { signedIn, open, answer, sockets, clock } = sharedSession();
  const [first, second] = [open("7"), open("7")];
  await answer();
  signedIn.as = "8";
  sockets[0].closes(1006);
  await clock.pass(2);
  await answer();
  assert.deepEqual([first.socket.userId, second.socket.userId], ["8", "8"]);
});

test("announcements for another edge concern another inbox", async () => {
  const { open, answer, BroadcastChannel } = sharedSession();
  const ann = open("7");
  await answer();
  announceUser("8", "ws://other/ws/", { BroadcastChannel });
  await settle();
  assert.deepEqual(ann.all("userchange"), []);
});
