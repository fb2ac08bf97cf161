/**
 * This page's inbox, which its bell has opened: one store, and one connection that all tabs share.
 *
 * Changes are made over HTTP and come back as frames, here as in every other tab.
 */

import "../clarion/elements.js";

const bell = document.getElementById("bell");

export const { inbox } = bell;
export const { store, api } = inbox;

/** Follow the connection's state, from now on: the socket's, or "signed out". @param {(state: string) => void} watch */
export function watchConnection(watch) {
  inbox.addEventListener("state", ({ detail }) => watch(detail.state));
  watch(inbox.state);
}

export function reloadForAnotherUser() {
  const { userId } = document.body.dataset;
  // The store is empty by now. The page around it is the former user's too.
  inbox.addEventListener("userchange", ({ detail }) => detail.userId !== userId && location.reload());
  inbox.addEventListener("trouble", ({ detail }) => detail.error?.isRefusal && location.reload());
}

/** Whether this tab should announce a notification that all tabs have heard of. @param {{notificationId: string, seq: number}} one */
export async function mayAnnounce({ notificationId, seq }) {
  return !inbox.socket || inbox.socket.claim(`announce:${notificationId}:${seq}`);
}

/** Carry out a change. @param {Promise<any>} change */
export const act = (change) => inbox.act(change);
