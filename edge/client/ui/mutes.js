/**
 * The mutes of a user, as all elements of a page show them.
 *
 * A change is shown immediately and taken back if the server refuses it; then the promise rejects.
 *
 * @typedef {{id: number, kind: string | null, topic: string | null}} Mute
 */

import { HttpError } from "./api.js";

/** The id of a mute that is being saved. */
export const SAVING = 0;

export class Mutes {
  /** @type {readonly Mute[]} oldest first */ all = [];
  /** @type {import("./api.js").Api} */ #api;
  /** @type {() => void} */ #changed;
  /** Counts changes: the answer to an earlier reading is ignored. */ #version = 0;
  #known = false;

  /** @param {import("./api.js").Api} api @param {() => void} changed */
  constructor(api, changed) {
    this.#api = api;
    this.#changed = changed;
  }

  /** Read them once, for a list that shows which topics are muted. */
  need() {
    if (this.#known) return;
    this.#known = true;
    this.load().catch(() => (this.#known = false));
  }

  async load() {
    const version = ++this.#version;
    const all = await this.#api.mutes();
    if (version === this.#version) this.#set(all);
  }

  /** The mute of a whole topic. @param {string | null} topic */
  of(topic) {
    return topic === null ? undefined : this.all.find((one) => one.topic === topic && one.kind === null);
  }

  /** @param {{kind?: string, topic?: string}} which */
  async mute(which) {
    /** @type {Mute} */
    const saving = { id: SAVING, kind: which.kind ?? null, topic: which.topic ?? null };
    this.#set([...this.all, saving]);
    try {
      const made = await this.#api.mute(which);
      this.#set(this.all.map((one) => (one === saving ? made : one)));
    } catch (error) {
      this.#set(this.all.filter((one) => one !== saving));
      throw error;
    }
  }

  /** @param {Mute} mute */
  async unmute(mute) {
    this.#set(this.all.filter((one) => one.id !== mute.id));
    try {
      await this.#api.unmute(mute.id);
    } catch (error) {
      if (error instanceof HttpError && error.status === 404) return; // another tab was faster
      this.#set([...this.all, mute]);
      throw error;
    }
  }

  /** Forget those of another user. */
  forget() {
    this.#known = false;
    this.#set([]);
  }

  /** @param {readonly Mute[]} all */
  #set(all) {
    this.#version += 1;
    this.all = all;
    this.#changed();
  }
}
