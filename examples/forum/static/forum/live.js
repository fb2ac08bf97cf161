/**
 * This page's inbox: one store, and one connection that all tabs share.
 *
 * The snapshot is read first and the socket goes on from its cursor, so that nothing between is missed. Changes are made
 * over HTTP and come back as frames, here as in every other tab.
 */

import { SharedSocket, socketUrl } from "../notifications.js";
import { NotificationStore } from "../store.js";
import * as api from "./api.js";

export const store = new NotificationStore({ loadSnapshot: api.snapshot });

/** @type {SharedSocket | null} */
let socket = null;
let signedOut = false;
const watchers = [];

/** Be told of the connection's state, now and whenever it changes: the socket's, or "signed out". */
export function watchConnection(watch) {
  watchers.push(watch);
  watch(socket?.state ?? "connecting");
}

/** Note whether the user is signed out: the socket then asks again from time to time. @param {string | null} credential */
function noted(credential) {
  signedOut = credential === null;
  return credential;
}

export async function start() {
  const { userId, edgePort } = document.body.dataset;
  await store.load().catch(() => null); // the socket then asks for it again, until it is there
  const cursor = store.cursor;
  socket = new SharedSocket(socketUrl(edgePort), {
    getToken: async () => noted(await api.token()),
    getTicket: async () => noted(await api.ticket()),
    since: cursor?.seq,
    epoch: cursor?.epoch,
    userId,
  });
  store.attach(socket);
  // The store is empty by now. The page around it is the former user's too.
  socket.addEventListener("userchange", ({ detail }) => detail.userId !== userId && location.reload());
  socket.addEventListener("statechange", ({ detail }) => {
    const state = signedOut && detail.state === "reconnecting" ? "signed out" : detail.state;
    for (const watch of watchers) watch(state);
  });
  socket.connect();
}

/** Whether this tab should announce a notification that all tabs have heard of. @param {{notificationId: string, seq: number}} one */
export async function mayAnnounce({ notificationId, seq }) {
  return socket === null || socket.claim(`announce:${notificationId}:${seq}`);
}

/** Carry out a change; while no frame can bring it back, the snapshot does. @param {Promise<any>} change */
export async function act(change) {
  try {
    await change;
  } catch (error) {
    if (api.isRefusal(error)) return location.reload();
    // 404: another tab was faster, and its frame is on its way.
    if (!(error instanceof api.HttpError && error.status === 404)) console.warn("The change was not made:", error);
  }
  if (socket?.state !== "connected") await store.load().catch(() => null);
}
