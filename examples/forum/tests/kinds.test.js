/** How each kind reads: the golden data, which the Python tests hold against what the forum sends. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import "./served.js";

const { isReply, read, sentence } = await import("../static/forum/kinds.js");

globalThis.location = /** @type {any} */ ({ origin: "http://forum.example" });

const load = (name) =>
  JSON.parse(readFileSync(new URL(`../../../tests/contracts/golden/${name}.json`, import.meta.url), "utf8"));
const golden = load("kinds");
const frames = load("frames");
const symbols = readFileSync(new URL("../templates/forum/_icons.html", import.meta.url), "utf8");

const notification = (kind, fields = {}) => ({
  notificationId: "5",
  seq: 5,
  notificationType: kind,
  createdAt: "2030-01-01T00:00:00.000000Z",
  isRead: false,
  data: golden[kind]?.data ?? {},
  actor: golden[kind]?.actor ? { id: "7", username: golden[kind].actor } : null,
  messageId: null,
  conversationId: null,
  topic: null,
  count: 1,
  ...fields,
});

for (const [kind, { data, icon, sentence: expected, excerpt }] of Object.entries(golden)) {
  test(`${kind} reads as a sentence, with an icon that the page has, and leads to its place`, () => {
    const reading = read(notification(kind));
    assert.equal(sentence(notification(kind)), expected);
    assert.deepEqual([reading.icon, reading.excerpt, reading.address], [icon, excerpt, data.url]);
    assert.ok(symbols.includes(`id="icon-${icon}"`));
    assert.doesNotMatch(JSON.stringify(reading), /undefined|NaN|\[object/);
  });

  test(`${kind} can be read however little of it there is`, () => {
    const fields = Object.keys(golden[kind].data);
    const odd = [null, undefined, 3, -1.5, true, "abc", [], [null], {}, { toString: null }, [["a"]], NaN];
    const filled = odd.map((value) => Object.fromEntries(fields.map((name) => [name, value])));
    for (const data of [{}, null, "text", 7, [], ...filled]) {
      const reading = read(notification(kind, { data, actor: null }));
      assert.match(reading.address, /^\/(inbox\/|abc|)$/);
      assert.doesNotMatch(JSON.stringify(reading), /undefined|NaN|\[object|null(?!,"who")/);
      for (const text of [reading.icon, reading.does, reading.about, reading.excerpt, reading.who])
        assert.equal(typeof text, "string");
    }
  });
}

test("a badge that came by itself names nobody, and has its colour", () => {
  const data = { ...golden.BADGE.data, automatic: true, awarded_by: null };
  const badge = notification("BADGE", { data, actor: null });
  assert.equal(sentence(badge), "You earned the badge Good host");
  assert.equal(read(badge).colour, "#b7791f");
  assert.equal(read(notification("BADGE", { data: { ...data, colour: "red; background: url(x)" } })).colour, null);
});

test("an icon is a word", () => {
  assert.equal(read(notification("BADGE", { data: { ...golden.BADGE.data, icon: '"><b' } })).icon, "note");
});

const people = (...names) => names.map((username, number) => ({ id: String(number), username }));

test("collapsed: the newest is named, and how many others", () => {
  const says = (actors, actorCount) => sentence(notification("THREAD_REPLY", { count: 9, actors, actorCount }));
  assert.equal(says(people("ann"), 1), "ann replied in Bread");
  assert.equal(says(people("ann", "ben"), 2), "ann and ben replied in Bread");
  assert.equal(says(people("ann", "ben", "cleo"), 3), "ann and 2 others replied in Bread");
  assert.equal(says(people("ann", "ben", "cleo"), 5), "ann and 4 others replied in Bread");
});

test("the names of erased users are left out", () => {
  const gone = { id: "1", username: null };
  const says = (fields) => sentence(notification("VOTE", { data: { thread_title: "Bread" }, ...fields }));
  assert.equal(
    says({ actor: null, actors: [], actorCount: 3, count: 3 }),
    "3 people voted for what you wrote in Bread",
  );
  assert.equal(
    says({ actor: gone, actors: [gone], actorCount: 2, count: 2 }),
    "2 people voted for what you wrote in Bread",
  );
  assert.equal(says({ actor: gone }), "Someone voted for what you wrote in Bread");
  const ann = { id: "2", username: "ann" };
  assert.equal(
    says({ actor: ann, actors: [ann], actorCount: 2, count: 2 }),
    "ann and 1 other voted for what you wrote in Bread",
  );
  assert.equal(
    says({ actor: gone, actors: [gone, ann], actorCount: 2 }),
    "ann and 1 other voted for what you wrote in Bread",
  );
  assert.equal(
    says({ actor: ann, actors: [ann, gone, gone], actorCount: 7 }),
    "ann and 6 others voted for what you wrote in Bread",
  );
});

test("several events are counted by what they are", () => {
  const says = (kind, count) => read(notification(kind, { data: {}, count })).count;
  assert.deepEqual([says("THREAD_REPLY", 21), says("VOTE", 2), says("THREAD_REPLY", 1)], ["21 replies", "2 votes", ""]);
});

test("the golden collapsed frame reads so", () => {
  assert.equal(
    sentence(/** @type {any} */ (frames.collapsed)).startsWith("ann and ben mentioned you in Übung </script>"),
    true,
  );
});

test("a kind of a service is shown by its title and text", () => {
  const data = { title: "Invoice 2071 is ready", text: "12 € until 1 December", url: "/inbox/" };
  const other = read(notification("INVOICE_ISSUED", { data, actor: null }));
  assert.deepEqual([other.does, other.excerpt], ["Invoice 2071 is ready", "12 € until 1 December"]);
});

test("a kind of another app without a title is shown by its name", () => {
  const other = notification("INVOICE_PAID", { data: { excerpt: "5 €" }, actor: { id: "7", username: "ann" } });
  assert.deepEqual([sentence(other), read(other).icon, read(other).excerpt], ["ann invoice paid", "note", "5 €"]);
  assert.equal(read(notification("constructor")).icon, "note");
});

test("an address of elsewhere is not followed", () => {
  for (const url of ["https://elsewhere.example/", "/.//elsewhere.example/", "javascript:alert(1)", "", null, {}]) {
    assert.equal(read(notification("REPLY", { data: { ...golden.REPLY.data, url } })).address, "/inbox/");
  }
});

test("replies are what somebody wrote", () => {
  assert.deepEqual(
    Object.keys(golden).filter((kind) => isReply(notification(kind))),
    ["MENTION", "REPLY", "THREAD_REPLY"],
  );
});
