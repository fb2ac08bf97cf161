/**
 * This page's inbox: one store and one socket, shared by whatever shows them.
 *
 * The snapshot is read first and the socket goes on from its cursor, so that nothing between is missed. Changes are made
 * over HTTP and come back as frames, here as in every other tab.
 */

import { NotificationSocket, socketUrl } from "../notifications.js";
import { NotificationStore } from "../store.js";
import * as api from "./api.js";

export const store = new NotificationStore({ loadSnapshot: api.snapshot });

/** @type {NotificationSocket | null} */
let socket = null;
const watchers = [];

/** Be told of the socket's state, now and whenever it changes. @param {(state: string, reason: string) => void} watch */
export function watchConnection(watch) {
  watchers.push(watch);
  watch(socket?.state ?? "connecting", "");
}

export async function start() {
  const { userId, edgePort } = document.body.dataset;
  await store.load().catch(() => null); // the socket then asks for it again, until it is there
  const cursor = store.cursor;
  socket = new NotificationSocket({
    url: socketUrl(edgePort),
    getToken: api.token,
    since: cursor?.seq,
    epoch: cursor?.epoch,
    userId,
  });
  store.attach(socket);
  socket.addEventListener("statechange", ({ detail }) => {
    if (detail.reason === "user changed") location.reload();
    for (const watch of watchers) watch(detail.state, detail.reason);
  });
  socket.connect();
}

/** Carry out a change; while no frame can bring it back, the snapshot does. @param {Promise<any>} change */
export async function act(change) {
  try {
    await change;
  } catch (error) {
    // 404: another tab was faster, and its frame is on its way.
    if (!(error instanceof api.HttpError && error.status === 404)) console.warn("The change was not made:", error);
  }
  if (socket?.state !== "connected") await store.load().catch(() => null);
}
