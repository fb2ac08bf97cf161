/** The logic of the elements, without a page: tabs and pages of a list, words, who did it. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import test from "node:test";

import { NotificationStore } from "../store.js";
import { PAGE } from "../ui/api.js";
import { Pages, UNREAD } from "../ui/pages.js";
import { whoDid } from "../ui/row.js";
import { addLanguage, wordsFor } from "../ui/words.js";
import { created, settle } from "./fakes.js";

const row = (seq, fields = {}) => {
  const { type, unread, ...notification } = created(seq, fields);
  return notification;
};
const seqs = ({ rows }) => rows.map((one) => one.seq);
const range = (from, to) => Array.from({ length: from - to + 1 }, (_, number) => from - number);

/** Pages of an inbox with so many notifications; the API is answered by hand: `answers[n]({items, next})` or an error. */
async function pagesOf(count, head = count) {
  const notifications = range(count, 1)
    .slice(0, PAGE)
    .map((seq) => row(seq));
  const store = new NotificationStore({
    loadSnapshot: async () => ({ epoch: "e", seq: head, unread: count, notifications }),
    setTimeout: () => 0, // no snapshot is read again
  });
  await store.load();
  const answers = [];
  const queries = [];
  const page = (query) => {
    queries.push(query);
    return new Promise((resolve, reject) =>
      answers.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer))),
    );
  };
  const pages = new Pages(store, { page });
  const abort = new AbortController();
  pages.listen(abort.signal);
  return { store, pages, answers, queries, abort };
}

test("a small inbox needs no page of its own, and follows the frames", async () => {
  const { store, pages, queries, abort } = await pagesOf(3);
  assert.deepEqual([seqs(pages), pages.more, pages.busy], [[3, 2, 1], false, false]);
  store.apply(created(4));
  assert.deepEqual(seqs(pages), [4, 3, 2, 1]);
  abort.abort();
  store.apply(created(5));
  assert.deepEqual([seqs(pages), queries], [[4, 3, 2, 1], []]);
});

test("older pages follow, and frames that come meanwhile are applied after them", async () => {
  const { store, pages, answers, queries } = await pagesOf(60);
  assert.deepEqual([pages.rows.length, pages.more], [50, true]);
  pages.older();
  pages.older(); // one reading at a time
  store.apply(created(61));
  store.apply({ type: "NOTIFICATION_DELETED", seq: 62, unread: 59, notificationId: "5" });
  assert.deepEqual([seqs(pages)[0], pages.busy], [60, true]);
  answers[0]({ items: range(11, 1).map((seq) => row(seq)), next: null });
  await settle();
  assert.deepEqual(seqs(pages), [61, ...range(60, 6), 4, 3, 2, 1]);
  assert.deepEqual([queries.map(({ before }) => before), pages.more, pages.busy], [[11], false, false]);
});

test("a storm does not make the list longer than the pages that were read", async () => {
  const { store, pages } = await pagesOf(50);
  for (let seq = 51; seq <= 300; seq += 1) store.apply(created(seq));
  assert.deepEqual([pages.rows.length, seqs(pages)[0], pages.more], [50, 300, true]);
});

test("a tab of a kind reads its own pages, and takes only frames of that kind", async () => {
  const { store, pages, answers, queries } = await pagesOf(3);
  pages.show("VOTE");
  assert.deepEqual([seqs(pages), pages.busy], [[], true]);
  answers[0]({ items: [row(1, { notificationType: "VOTE" })], next: null });
  await settle();
  store.apply(created(4));
  store.apply(created(5, { notificationType: "VOTE" }));
  assert.deepEqual([seqs(pages), queries[0].kind], [[5, 1], "VOTE"]);
});

test("the unread tab loses what is read, and reads anew where an older one is marked unread", async () => {
  const { store, pages, answers, queries } = await pagesOf(3);
  pages.show(UNREAD);
  answers[0]({ items: [row(3), row(1)], next: null });
  await settle();
  const marked = (seq, id, isRead) => ({ type: "NOTIFICATION_UPDATED", seq, unread: 0, notificationId: id, isRead });
  store.apply(marked(4, "3", true));
  assert.deepEqual([seqs(pages), queries.length], [[1], 1]);
  store.apply(marked(5, "2", false));
  answers[1]({ items: [row(2), row(1)], next: null });
  await settle();
  assert.deepEqual([seqs(pages), queries[1].is_read], [[2, 1], false]);
});

test("an answer for a tab that was left is ignored", async () => {
  const { pages, answers } = await pagesOf(3);
  pages.show("VOTE");
  pages.show("all");
  answers[0]({ items: [row(1)], next: "1" });
  await settle();
  assert.deepEqual([seqs(pages), pages.more], [[3, 2, 1], false]);
});

test("a page that fails is read again when it is asked for", async () => {
  const { pages, answers, queries } = await pagesOf(60);
  pages.older();
  answers[0](new Error("down"));
  await settle();
  assert.deepEqual([pages.failed, pages.busy, pages.rows.length], [true, false, 50]);
  pages.older();
  answers[1]({ items: [row(10)], next: null });
  await settle();
  assert.deepEqual([pages.failed, queries.length, pages.rows.length], [false, 2, 51]);
});

const languages = readdirSync(new URL("../ui/words/", import.meta.url)).map((name) => name.replace(".js", ""));

test("each dictionary has all words, with the fields of English and each plural of its language", async () => {
  const load = async (language) => (await import(`../ui/words/${language}.js`)).default;
  const fields = (word) =>
    [
      ...new Set(
        Object.values({ ...[word].flat() })
          .join("|")
          .match(/\{\w+\}/g) ?? [],
      ),
    ].sort();
  const english = await load("en");
  assert.deepEqual(languages, ["ar", "de", "en"]);
  for (const language of languages) {
    const words = await load(language);
    assert.deepEqual(Object.keys(words).sort(), Object.keys(english).sort());
    for (const [key, word] of Object.entries(words)) {
      if (typeof word === "string") assert.deepEqual(fields(word), fields(english[key]), `${language}: ${key}`);
      else {
        const categories = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
        assert.deepEqual(Object.keys(word).sort(), [...categories].sort(), `${language}: ${key}`);
      }
    }
  }
});

test("words by region, by an unknown language, and of the page's own", async () => {
  const said = async (language) => (await wordsFor(language)).say("new", { count: 1234 });
  assert.equal(await said("en-GB"), "1,234 new notifications");
  assert.equal(await said("de"), "1.234 neue Benachrichtigungen");
  assert.equal(await said("xx"), "1,234 new notifications");
  addLanguage("xx", async () => ({ default: { new: "{count} ny" } }));
  assert.equal(await said("xx"), "1,234 ny");
  const own = (await wordsFor("en")).with({ notifications: "News" });
  assert.deepEqual([own.say("notifications"), own.say("all"), own.say("unknown")], ["News", "All", "unknown"]);
  assert.deepEqual([(await wordsFor("ar")).direction, (await wordsFor("de")).direction], ["rtl", "ltr"]);
});

test("who did it: the newest is named, erased users are not", async () => {
  const words = await wordsFor("en");
  const people = (...names) => names.map((username, number) => ({ id: String(number), username }));
  const who = (fields) => whoDid(row(1, fields), words);
  assert.equal(who({}), "");
  assert.equal(who({ actor: people("ann")[0] }), "ann");
  assert.equal(who({ actors: people("ann", "ben"), actorCount: 2 }), "ann and ben");
  assert.equal(who({ actors: people("ann", "ben", "cleo"), actorCount: 5 }), "ann and 4 others");
  assert.equal(who({ actors: people(null, null), actorCount: 2 }), "2 people");
  assert.equal(who({ actor: people(null)[0] }), "Someone");
});
