/**
 * How each kind of notification reads. A new kind is one entry here; an unknown one is shown by its name, and so is one
 * whose data does not fit.
 *
 * @typedef {import("../clarion/store.js").Notification} Notification
 * @typedef {object} Reading
 * @property {string} icon one of the page's symbols
 * @property {string} does follows the names of the actors, or stands alone
 * @property {string} [about] shown strong
 * @property {string} [excerpt] shown below
 * @property {string} [colour] of the icon
 * @property {boolean} [alone] the sentence names no actor
 * @property {[string, string]} [times] what is counted where several are one: one, and more of them
 */

import { localLink } from "../clarion/links.js";

/** @param {string} icon @param {string} does @param {[string, string]} [times] @returns {(data: Record<string, any>) => Reading} */
const inThread = (icon, does, times) => (data) => ({
  icon,
  does,
  about: data.thread_title,
  excerpt: data.excerpt,
  times,
});

/** What a moderator did, with the reason. @param {string} icon @param {string} does @returns {(data: any) => Reading} */
const moderated = (icon, does) => (data) => ({ icon, does, about: data.thread_title, excerpt: data.reason });

/** What came of a job. @param {string} icon @param {string} does @param {(data: any) => string} excerpt @returns {(data: any) => Reading} */
const job = (icon, does, excerpt) => (data) => ({ icon, does, about: data.title, excerpt: excerpt(data), alone: true });

/** @param {number} count @param {string} one @param {string} more */
const counted = (count, one, more) => `${Number.isFinite(count) ? count : "?"} ${count === 1 ? one : more}`;

/** @param {any} values */
const listed = (values) => (Array.isArray(values) ? values.map(text).filter(Boolean).join(", ") : "");

/** Text of a value that people can read; empty for anything else. @param {any} value */
const text = (value) => (typeof value === "string" || Number.isFinite(value) ? String(value) : "");

/** @param {Record<string, any>} data */
function badge({ name, description, icon, colour, automatic }) {
  const does = automatic ? "You earned the badge" : "gave you the badge";
  return { icon, colour, does, about: name, excerpt: description, alone: Boolean(automatic) };
}

/** @param {Record<string, any>} data */
function extracted({ what, count, first }) {
  const found = what === "headings" ? counted(count, "heading", "headings") : counted(count, "address", "addresses");
  return [found, listed(first)].filter(Boolean).join(": ");
}

/** @type {Record<string, (data: Record<string, any>) => Reading>} */
const KINDS = {
  MENTION: inThread("mention", "mentioned you in"),
  REPLY: inThread("reply", "replied to you in"),
  THREAD_REPLY: inThread("thread", "replied in", ["reply", "replies"]),
  VOTE: inThread("vote", "voted for what you wrote in", ["vote", "votes"]),
  ACCEPTED: inThread("accepted", "accepted your answer in"),
  BADGE: badge,
  THREAD_LOCKED: moderated("lock", "locked"),
  THREAD_UNLOCKED: moderated("unlock", "unlocked"),
  THREAD_PINNED: moderated("pin", "pinned"),
  THREAD_UNPINNED: moderated("unpin", "unpinned"),
  THREAD_DELETED: moderated("delete", "deleted"),
  THREAD_RESTORED: moderated("restore", "restored"),
  MESSAGE_DELETED: moderated("delete", "deleted your message in"),
  MESSAGE_RESTORED: moderated("restore", "restored your message in"),
  DOCUMENT_PROCESSED: job(
    "document",
    "Document read:",
    (data) => `${counted(data.words, "word", "words")}, added by ${text(data.added_by)}`,
  ),
  DOCUMENT_PROCESSING_FAILED: job("problem", "Document could not be read:", (data) => data.error),
  DOCUMENT_PUBLICIZED: (data) => ({
    icon: "document",
    does: "published the document",
    about: data.title,
    excerpt: `Added by ${text(data.added_by)}`,
  }),
  EXTRACT_COMPLETE: job("extract", "Extract ready:", extracted),
  ANALYSIS_COMPLETE: job("analysis", "Analysis ready:", (data) => `Most frequent: ${listed(data.words)}`),
  ANALYSIS_FAILED: job("problem", "Analysis failed:", (data) => data.error),
  EXPORT_COMPLETE: (data) => ({
    icon: "export",
    does: "Export ready:",
    about: data.thread_title,
    excerpt: `${text(data.format)}, ${counted(data.messages, "message", "messages")}`,
    alone: true,
  }),
};

/**
 * Return how a notification reads; never throws, for any data.
 * @param {Notification} notification
 * @returns {{icon: string, colour: string | null, who: string, does: string, about: string, excerpt: string, address: string, count: string}}
 *   `count`: of how many events it is, in words, if it is of more than one
 */
export function read(notification) {
  const kind = String(notification.notificationType);
  const data = notification.data !== null && typeof notification.data === "object" ? notification.data : {};
  const known = Object.hasOwn(KINDS, kind);
  let reading = byName(kind, data);
  try {
    if (known) reading = KINDS[kind](data);
  } catch {
    // It does not fit, so it is shown by its name.
  }
  return {
    icon: /^[a-z]+$/.test(text(reading.icon)) ? reading.icon : "note",
    colour: /^#[0-9a-f]{6}$/.test(text(reading.colour)) ? String(reading.colour) : null,
    who: reading.alone ? "" : whoDid(notification) || (known ? unnamed(notification) : ""),
    does: reading.does,
    about: text(reading.about),
    excerpt: text(reading.excerpt),
    address: localLink(data.url, "/inbox/"),
    count: notification.count > 1 ? counted(notification.count, ...(reading.times ?? ["event", "events"])) : "",
  };
}

/**
 * A kind of a service says by `title` and `text` what it is about.
 * @param {string} kind @param {Record<string, any>} data @returns {Reading}
 */
function byName(kind, { title, text: body, excerpt }) {
  return { icon: "note", does: text(title) || kind.toLowerCase().replaceAll("_", " "), excerpt: body ?? excerpt };
}

/** The same in one sentence. @param {Notification} notification */
export function sentence(notification) {
  const { who, does, about } = read(notification);
  return [who, does, about].filter(Boolean).join(" ");
}

/** Whether it is of something that somebody wrote. @param {Notification} notification */
export function isReply({ notificationType }) {
  return ["MENTION", "REPLY", "THREAD_REPLY"].includes(notificationType);
}

/** "ann", "ann and ben", "ann and 4 others": the newest first, without the names of erased users. @param {Notification} notification */
function whoDid({ actor, actors, actorCount }) {
  const all = Array.isArray(actors) && actors.length ? actors : [actor];
  const names = all.map((one) => text(one?.username)).filter(Boolean);
  if (names.length === 0) return "";
  const others = Math.max(Number(actorCount) || 0, all.length) - 1;
  if (others < 1) return names[0];
  return others === 1 && names.length === 2
    ? names.join(" and ")
    : `${names[0]} and ${counted(others, "other", "others")}`;
}

/** How many did it, where none of them has a name any more. @param {Notification} notification */
function unnamed({ actors, actorCount }) {
  const people = Math.max(Number(actorCount) || 0, Array.isArray(actors) ? actors.length : 0);
  return people > 1 ? `${people} people` : "Someone";
}
