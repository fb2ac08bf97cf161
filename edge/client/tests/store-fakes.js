/** Rows, snapshots and a store that is answered by hand, for the tests of the store. */

import { NotificationStore } from "../store.js";
import { Clock, created } from "./fakes.js";

export const ids = (store) => store.notifications.map(({ notificationId }) => notificationId);
export const row = (seq, fields = {}) => {
  const { type, unread, ...notification } = created(seq, fields);
  return notification;
};
export const snapshot = (seq, rows = [], fields = {}) => ({
  epoch: "e",
  seq,
  unread: rows.length,
  notifications: rows,
  ...fields,
});

/** A store whose snapshots are answered by hand: `answers[n](snapshot)` or `answers[n](error)`. */
export function storeByHand(options = {}) {
  const clock = new Clock();
  const answers = [];
  const loadSnapshot = () =>
    new Promise((resolve, reject) =>
      answers.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer))),
    );
  const store = new NotificationStore({ loadSnapshot, setTimeout: clock.setTimeout, ...options });
  const socket = new EventTarget();
  const emit = (type, detail) => socket.dispatchEvent(new CustomEvent(type, { detail }));
  store.attach(socket);
  return { store, answers, clock, emit };
}
