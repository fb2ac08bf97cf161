/** The golden frames, which the Python tests write and read too: each does here what the protocol says. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { applied } from "../store.js";
import { connectedClient } from "./fakes.js";

const path = new URL("../../../tests/contracts/golden/frames.json", import.meta.url);
const golden = JSON.parse(readFileSync(path, "utf8"));

/** Frames that change the inbox, and those that do not, by name. */
const changes = Object.entries(golden).filter(([, { type }]) => type.startsWith("NOTIFICATION"));
const others = Object.entries(golden).filter(([, { type }]) => /^(pong|heartbeat_ack|AUTH_OK|AUTH_FAILED)$/.test(type));

test("there are golden frames of each sort", () => {
  assert.ok(changes.length >= 6 && others.length >= 4);
});

test("CONNECTED says where the inbox stands", async () => {
  const { socket, all } = await connectedClient({ since: 4, epoch: "0" }, golden.connected);
  assert.deepEqual([socket.state, all("connected")[0], all("resync")], ["connected", golden.connected, []]);
});

for (const [name, frame] of changes) {
  test(`${name} is emitted as it came`, async () => {
    const since = frame.seq - 1;
    const { sockets, all } = await connectedClient({ since, epoch: "0" }, { epoch: "0", seq: since, resumed: true });
    sockets[0].says(frame);
    assert.deepEqual(all("frame"), [frame]);
  });
}

for (const [name, frame] of others) {
  test(`${name} changes nothing`, async () => {
    const { sockets, heard, socket } = await connectedClient({ since: 1, epoch: "0" }, { seq: 1, resumed: true });
    const before = heard.length;
    sockets[0].says(frame);
    assert.deepEqual([heard.length, socket.cursor.seq], [before, 1]);
  });
}

test("a notification has the fields of the snapshot, and what happens to it is applied", () => {
  const { type, unread, quiet, ...notification } = golden.created;
  const after = (...frames) => frames.reduce(applied, []);
  assert.deepEqual(after(golden.created), [notification]);
  assert.deepEqual(after(golden.created, golden.updated_read)[0].isRead, true);
  assert.deepEqual(after(golden.created_read, golden.updated_unread)[0].isRead, false);
  assert.deepEqual(after(golden.created, golden.read_all)[0].isRead, true);
  assert.deepEqual(after(golden.created, golden.read_topic)[0].isRead, true);
  assert.deepEqual(after(golden.created, golden.deleted), []);
  assert.deepEqual(after(golden.created_read, golden.collapsed), after(golden.collapsed));
  assert.deepEqual(after(golden.collapsed)[0].seq, golden.collapsed.seq);
});
