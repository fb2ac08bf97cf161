/**
 * `<clarion-preferences>`: the kinds that a user is notified of, and the topics that they have muted.
 *
 * The kinds are the `option`s of the page: `<option value="VOTE ACCEPTED">Votes</option>` is one choice for two kinds.
 * Without them the attribute `kinds` lists them. With the attribute `desktop` there is a choice of notifications of the
 * desktop, for this device.
 *
 * @typedef {(changes: () => Promise<any>[], moves?: boolean) => void} Save
 *   one after the other; `moves`: the control that was used goes away
 */

import { ClarionElement } from "./base.js";
import { notSaved } from "./api.js";
import { canNotify, isOn, turn } from "./desktop.js";
import { element } from "./dom.js";
import { offlineLine } from "./offline.js";

export class ClarionPreferences extends ClarionElement {
  /** @param {AbortSignal} signal */
  build(signal) {
    const { words, inbox } = this;
    const say = words.say.bind(words);
    const kinds = element("ul", { part: "kinds", role: "list" });
    const topics = element("ul", { part: "topics", role: "list" });
    const trouble = element("p", { part: "trouble", role: "alert", hidden: true });
    const saved = element("p", { part: "saved", role: "status" });
    const section = element(
      "section",
      { part: "preferences", "aria-label": say("preferences"), dir: words.direction, lang: words.language },
      element("fieldset", { part: "group" }, element("legend", { part: "heading" }, say("kinds")), kinds),
      this.#desktop(saved),
      element("div", { part: "group" }, element("h3", { part: "heading", tabindex: -1 }, say("topics")), topics),
      offlineLine(inbox, words, signal),
      trouble,
      saved,
    );
    this.root.append(section);
    const heading = section.querySelector("h3");

    /** @param {string} text */
    const fail = (text) => {
      trouble.textContent = text;
      trouble.hidden = false;
    };
    const draw = () => {
      const focused = this.root.activeElement?.getAttribute("value");
      kinds.replaceChildren(...this.#choices(save));
      topics.replaceChildren(...this.#topics(save));
      if (focused) kinds.querySelector(`[value="${CSS.escape(focused)}"]`)?.focus();
    };
    const read = async () => {
      try {
        await inbox.mutes.load();
        trouble.hidden = true;
      } catch (error) {
        if (signal.aborted) return;
        fail(say("trouble"));
        this.emit("trouble", { error });
      }
    };
    let saving = Promise.resolve();
    /** @type {Save} */
    const save = (changes, moves = false) => {
      saving = saving.then(async () => {
        saved.textContent = "";
        const done = Promise.allSettled(changes());
        if (moves) heading.focus();
        const failed = (await done).find((one) => one.status === "rejected");
        trouble.hidden = true;
        saved.textContent = failed ? "" : say("saved");
        if (failed) {
          fail(notSaved(failed.reason, words));
          this.emit("trouble", { error: failed.reason });
        } else this.emit("preferences", null);
      });
    };
    const again = () => document.hidden || void read();
    inbox.addEventListener("mutes", draw, { signal });
    document.addEventListener("visibilitychange", again, { signal }); // another tab may have changed them
    void read();
  }

  /** @param {Save} save */
  #choices(save) {
    const { mutes } = this.inbox;
    const asked = (this.getAttribute("kinds") ?? "").split(/[\s,]+/).filter(Boolean);
    const listed = this.options.filter(({ topic, kinds }) => !topic && kinds.length > 0);
    const choices = listed.length > 0 ? listed : asked.map((kind) => ({ kinds: [kind], label: this.nameOf(kind) }));
    const muted = (/** @type {string} */ kind) => mutes.all.find((one) => one.topic === null && one.kind === kind);
    if (choices.length === 0) return [element("li", { part: "empty" }, this.words.say("noKinds"))];
    return choices.map(({ kinds, label }) => {
      const box = element("input", { type: "checkbox", part: "checkbox", value: kinds.join(" ") });
      box.checked = !kinds.every(muted);
      box.addEventListener("change", () => {
        const { checked } = box; // by the time that it is saved, the mutes may be others
        save(() =>
          kinds.flatMap((kind) => {
            const known = muted(kind);
            if (known) return checked ? [mutes.unmute(known)] : [];
            return checked ? [] : [mutes.mute({ kind })];
          }),
        );
      });
      return element("li", { part: "choice" }, element("label", {}, box, " ", label));
    });
  }

  /** @param {HTMLElement} saved where the outcome is said */
  #desktop(saved) {
    if (!this.hasAttribute("desktop") || !canNotify()) return null;
    const box = element("input", { type: "checkbox", part: "checkbox", value: "desktop" });
    box.checked = isOn();
    box.addEventListener("change", async () => {
      const { checked } = box;
      box.checked = await turn(checked);
      saved.textContent = this.words.say(box.checked === checked ? "saved" : "desktopRefused");
    });
    const label = element("label", {}, box, " ", this.words.say("desktop"));
    return element("div", { part: "group" }, element("p", { part: "choice" }, label));
  }

  /** @param {Save} save */
  #topics(save) {
    const { words } = this;
    const { mutes } = this.inbox;
    const names = new Map(this.options.map(({ topic, label }) => [topic, label]));
    const muted = mutes.all.filter((one) => one.topic);
    if (muted.length === 0) return [element("li", { part: "empty" }, words.say("noTopics"))];
    return muted.map((mute) => {
      const { kind, topic } = mute;
      const name = names.get(String(topic)) ?? String(topic);
      const label = kind ? words.say("kindInTopic", { kind: this.nameOf(kind), topic: name }) : name;
      const onclick = () => save(() => [mutes.unmute(mute)], true);
      const attributes = { type: "button", part: "unmute", "aria-label": words.say("unmuteTopic", { topic: label }) };
      return element(
        "li",
        { part: "topic" },
        element("span", { part: "topic-name", dir: "auto" }, label),
        element("button", { ...attributes, onclick }, words.say("unmute")),
      );
    });
  }
}
