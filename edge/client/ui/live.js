/**
 * One inbox of a page, live: a store, the connection that all tabs share, and the API. Elements with the same addresses
 * and user share it.
 *
 * The snapshot is read first and the connection resumes from its cursor. Changes go over HTTP and come back as frames.
 *
 * @typedef {import("../connection.js").Listenable} Listenable
 * @typedef {import("../store.js").NotificationStore} Store
 * @typedef {Listenable & {state: string, userId?: string | null, claim?: (key: string) => Promise<boolean>,
 *   connect?: () => void, close?: () => void}} Socket
 *
 * @typedef {object} Settings
 * @property {string} api @property {string | null} url of the edge @property {string | null} user
 * @property {() => string | null} csrf
 * @property {boolean} tokens whether tokens of the API open the connection, instead of the session's cookie
 * @property {(() => Promise<string | null>) | null} getToken
 *
 * @typedef {{state: {state: string}, trouble: {error: unknown}, userchange: {userId: string | null}, mutes: null,
 *   removed: null}} LiveEvents
 */

import { Emitter } from "../emitter.js";
import { SharedSocket } from "../tabs.js";
import { NotificationStore } from "../store.js";
import { Api, HttpError, PAGE } from "./api.js";
import { Mutes } from "./mutes.js";

/** An inbox without elements keeps its connection for a moment: elements that move are out of the page meanwhile. */
const LINGER_MILLISECONDS = 1000;
/** The longest delay before the first snapshot is tried again, where no user is known. */
const RETRY_MAX_SECONDS = 60;

/** @extends {Emitter<LiveEvents>} */
export class LiveInbox extends Emitter {
  /** @type {Store} */ store;
  /** @type {Api} */ api;
  /** @type {Socket | null} null until the first snapshot was read */ socket = null;
  /** Ids of notifications that are not shown, because they are deleted or soon will be. @type {Set<string>} */ #removed =
    new Set();
  mutes;
  /** Whether the user is signed out: the connection then asks again from time to time. */ signedOut = false;
  /** The element that announces arrivals to screen readers. @type {object | null} */ announcer = null;
  /** @type {Settings | null} null: the page has made store and connection */ #settings = null;
  #users = 0;
  #started = false;

  /**
   * @param {Settings | {store: Store, socket: Socket, api?: Api}} given settings; or a store and a connection of the
   *   page's own, which the page opens and closes
   */
  constructor(given) {
    super();
    if ("store" in given) {
      this.store = given.store;
      this.api = given.api ?? new Api();
      this.mutes = new Mutes(this.api, () => this.emit("mutes", null));
      this.#follow(given.socket);
      return;
    }
    this.#settings = given;
    const { api: base, csrf, getToken } = given;
    this.api = new Api({ base, csrf, getToken });
    this.mutes = new Mutes(this.api, () => this.emit("mutes", null));
    this.store = new NotificationStore({ limit: PAGE, loadSnapshot: this.api.snapshot });
  }

  /** The connection's state, or "signed out". */
  get state() {
    const state = this.socket?.state ?? "connecting";
    return this.signedOut && state !== "connected" ? "signed out" : state;
  }

  /** The number of unread notifications, without those that are not shown. */
  get unread() {
    const { unread, notifications } = this.store;
    if (this.#removed.size === 0) return unread;
    return unread - notifications.filter((one) => !one.isRead && this.isRemoved(one)).length;
  }

  /** @param {import("../store.js").Notification} notification */
  isRemoved({ notificationId }) {
    return this.#removed.has(notificationId);
  }

  /** Show a notification no more, or again; this saves nothing. @param {string} id @param {boolean} removed */
  setRemoved(id, removed) {
    this.#removed[removed ? "add" : "delete"](id);
    this.emit("removed", null);
  }

  retain() {
    this.#users += 1;
    if (!this.#settings || this.#users > 1) return;
    if (this.socket) this.socket.connect?.();
    else if (!this.#started) void this.#start(this.#settings);
  }

  release() {
    this.#users -= 1;
    if (this.#settings) setTimeout(() => this.#users === 0 && this.socket?.close?.(), LINGER_MILLISECONDS);
  }

  /** Carry out a change; return whether it was saved. @param {Promise<any>} change */
  async act(change) {
    return (await this.failureOf(change)) === null;
  }

  /** Carry out a change; return its error, or null. While no frame can bring it back, the snapshot does. @param {Promise<any>} change @returns {Promise<unknown>} */
  async failureOf(change) {
    let failure = null;
    try {
      await change;
    } catch (error) {
      // 404: another tab was faster, and its frame is on its way.
      if (!(error instanceof HttpError && error.status === 404)) {
        failure = error;
        this.emit("trouble", { error });
      }
    }
    const loaded = this.socket?.state === "connected" ? null : this.store.load().catch(() => null);
    if (!failure) await loaded;
    return failure;
  }

  /** Mark all as seen that this store has. */
  seen() {
    if (this.store.unseen > 0) void this.act(this.api.seen({ through: this.store.cursor?.seq }));
  }

  /** @param {Settings} settings */
  async #start({ url, user, tokens, getToken }) {
    this.#started = true;
    let userId = user;
    for (let failures = 0; ; failures += 1) {
      const error = await this.store.load().catch((/** @type {unknown} */ failure) => failure);
      if (error) this.emit("trouble", { error });
      userId ??= this.store.userId;
      if (userId) break; // without a snapshot the connection asks for it again
      if (error instanceof HttpError && error.isRefusal) return;
      await new Promise((resolve) => setTimeout(resolve, Math.min(2 ** failures, RETRY_MAX_SECONDS) * 1000));
    }
    const { seq: since, epoch } = this.store.cursor ?? {};
    const noted = (/** @type {string | null} */ token) => ((this.signedOut = token === null), token);
    const asked = tokens
      ? { getToken: async () => noted(await this.api.token()), getTicket: async () => noted(await this.api.ticket()) }
      : getToken && { getToken };
    const socket = new SharedSocket(url, { userId, since, epoch, ...asked });
    this.store.attach(socket);
    this.#follow(socket);
    if (this.#users > 0) socket.connect();
  }

  /** @param {Socket} socket */
  #follow(socket) {
    this.socket = socket;
    socket.addEventListener("statechange", () => this.emit("state", { state: this.state }));
    socket.addEventListener("userchange", () => {
      this.#removed.clear();
      this.mutes.forget();
    });
    for (const type of /** @type {const} */ (["trouble", "userchange"])) {
      socket.addEventListener(type, (/** @type {any} */ { detail }) => this.emit(type, detail));
    }
    this.emit("state", { state: this.state });
  }
}

/** @type {Map<string, LiveInbox>} */
const inboxes = new Map();

/** Return the inbox of these settings, the same for all elements of the page. @param {Settings} settings */
export function inboxOf(settings) {
  const key = JSON.stringify([settings.api, settings.url, settings.user]);
  const inbox = inboxes.get(key) ?? new LiveInbox(settings);
  inboxes.set(key, inbox);
  return inbox;
}

/** @type {WeakMap<object, LiveInbox>} */
const made = new WeakMap();

/** Return the inbox of a store and a connection, the same for the same store. @param {LiveInbox | {store: Store, socket: Socket, api?: Api}} given */
export function inboxFrom(given) {
  if (given instanceof LiveInbox) return given;
  const inbox = made.get(given.store) ?? new LiveInbox(given);
  made.set(given.store, inbox);
  return inbox;
}
