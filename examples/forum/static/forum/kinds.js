/**
 * How each kind of notification reads. A new kind is one entry here; one that is not here is shown by its name.
 *
 * @typedef {import("../store.js").Notification} Notification
 * @typedef {{icon: string, does: string, about: string}} Reading who is the actor; `about` is shown strong
 */

/** @type {Record<string, (data: Record<string, any>) => Reading>} */
const KINDS = {
  MENTION: (data) => ({ icon: "mention", does: "mentioned you in", about: data.thread_title }),
  REPLY: (data) => ({ icon: "reply", does: "replied to you in", about: data.thread_title }),
  THREAD_REPLY: (data) => ({ icon: "thread", does: "wrote in", about: data.thread_title }),
};

/**
 * @param {Notification} notification
 * @returns {Reading & {who: string, excerpt: string, address: string}}
 */
export function read({ notificationType, data, actor }) {
  const other = () => ({ icon: "note", does: notificationType.toLowerCase().replaceAll("_", " "), about: "" });
  const reading = (KINDS[notificationType] ?? other)(data);
  return {
    ...reading,
    about: String(reading.about ?? ""),
    who: actor?.username ?? "",
    excerpt: String(data.excerpt ?? ""),
    address: within(data.url),
  };
}

/** The same in one sentence. @param {Notification} notification */
export function sentence(notification) {
  const { who, does, about } = read(notification);
  return [who, does, about].filter(Boolean).join(" ");
}

/** An address of this site, or the inbox. @param {unknown} address */
function within(address) {
  if (typeof address !== "string" || !URL.canParse(address, location.origin)) return "/inbox/";
  const url = new URL(address, location.origin);
  return url.origin === location.origin ? url.pathname + url.search + url.hash : "/inbox/";
}
