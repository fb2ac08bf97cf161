/**
 * How each kind of notification reads. A new kind is one entry here; one that is not here is shown by its name.
 *
 * @typedef {import("../store.js").Notification} Notification
 * @typedef {object} Reading
 * @property {string} icon one of the page's symbols
 * @property {string} does after the name of whoever did it, or by itself where nobody did
 * @property {string} [about] shown strong
 * @property {string} [excerpt] shown below
 * @property {string} [colour] of the icon
 * @property {boolean} [alone] the sentence names nobody
 */

import { localLink } from "../links.js";

/** @param {string} icon @param {string} does @returns {(data: Record<string, any>) => Reading} */
const inThread = (icon, does) => (data) => ({ icon, does, about: data.thread_title, excerpt: data.excerpt });

/** What a moderator did, with the reason. @param {string} icon @param {string} does @returns {(data: any) => Reading} */
const moderated = (icon, does) => (data) => ({ icon, does, about: data.thread_title, excerpt: data.reason });

/** What came of a job. @param {string} icon @param {string} does @param {(data: any) => string} excerpt @returns {(data: any) => Reading} */
const job = (icon, does, excerpt) => (data) => ({ icon, does, about: data.title, excerpt: excerpt(data), alone: true });

/** @param {number} count @param {string} one @param {string} more */
const counted = (count, one, more) => `${count} ${count === 1 ? one : more}`;

/** @param {Record<string, any>} data */
function badge({ name, description, icon, colour, automatic }) {
  return { icon, colour, does: automatic ? "You earned the badge" : "gave you the badge", about: name, excerpt: description };
}

/** @param {Record<string, any>} data */
function extracted({ what, count, first }) {
  const found = what === "headings" ? counted(count, "heading", "headings") : counted(count, "address", "addresses");
  return first?.length ? `${found}: ${first.join(", ")}` : found;
}

/** @type {Record<string, (data: Record<string, any>) => Reading>} */
const KINDS = {
  MENTION: inThread("mention", "mentioned you in"),
  REPLY: inThread("reply", "replied to you in"),
  THREAD_REPLY: inThread("thread", "replied in"),
  VOTE: inThread("vote", "voted for what you wrote in"),
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
  DOCUMENT_PROCESSED: job("document", "Document read:", (data) => `${counted(data.words, "word", "words")}, added by ${data.added_by}`),
  DOCUMENT_PROCESSING_FAILED: job("problem", "Document could not be read:", (data) => data.error),
  EXTRACT_COMPLETE: job("extract", "Extract ready:", extracted),
  ANALYSIS_COMPLETE: job("analysis", "Analysis ready:", (data) => `Most frequent: ${(data.words ?? []).join(", ")}`),
  ANALYSIS_FAILED: job("problem", "Analysis failed:", (data) => data.error),
  EXPORT_COMPLETE: (data) => ({
    icon: "export",
    does: "Export ready:",
    about: data.thread_title,
    excerpt: `${data.format}, ${counted(data.messages, "message", "messages")}`,
    alone: true,
  }),
};

/**
 * @param {Notification} notification
 * @returns {{icon: string, colour: string | null, who: string, does: string, about: string, excerpt: string, address: string}}
 */
export function read(notification) {
  const { notificationType, data } = notification;
  const other = () => ({ icon: "note", does: notificationType.toLowerCase().replaceAll("_", " "), excerpt: data.excerpt });
  const reading = (Object.hasOwn(KINDS, notificationType) ? KINDS[notificationType] : other)(data);
  return {
    icon: /^[a-z]+$/.test(reading.icon) ? reading.icon : "note",
    colour: /^#[0-9a-f]{6}$/.test(reading.colour ?? "") ? reading.colour : null,
    who: reading.alone ? "" : whoDid(notification),
    does: reading.does,
    about: String(reading.about ?? ""),
    excerpt: String(reading.excerpt ?? ""),
    address: localLink(data.url, "/inbox/"),
  };
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

/** "ann", "ann and ben", "ann and 4 others": the newest first. @param {Notification} notification */
function whoDid({ actor, actors, actorCount }) {
  const names = (actors?.length ? actors : [actor]).map((one) => one?.username).filter(Boolean);
  const others = Math.max(actorCount ?? 0, names.length) - 1;
  if (others < 1) return names[0] ?? "";
  return others === 1 && names.length === 2 ? names.join(" and ") : `${names[0]} and ${others} others`;
}
