/** The id of a mute that is being saved. */
export const SAVING: 0;
export class Mutes {
    /** @param {import("./api.js").Api} api @param {() => void} changed */
    constructor(api: import("./api.js").Api, changed: () => void);
    /** @type {readonly Mute[]} oldest first */ all: readonly Mute[];
    /** Read them once, for a list that shows which topics are muted. */
    need(): void;
    load(): Promise<void>;
    /** The mute of a whole topic. @param {string | null} topic */
    of(topic: string | null): Mute | undefined;
    /** @param {{kind?: string, topic?: string}} which */
    mute(which: {
        kind?: string;
        topic?: string;
    }): Promise<void>;
    /** @param {Mute} mute */
    unmute(mute: Mute): Promise<void>;
    /** Forget those of another user. */
    forget(): void;
    #private;
}
/**
 * The mutes of a user, as all elements of a page show them.
 *
 * A change is shown immediately and taken back if the server refuses it; then the promise rejects.
 */
export type Mute = {
    id: number;
    kind: string | null;
    topic: string | null;
};
