export class Toast {
    /** @param {import("./words.js").Words} words @param {AbortSignal} signal @param {() => void} leave moves the focus */
    constructor(words: import("./words.js").Words, signal: AbortSignal, leave: () => void);
    element: any;
    /** @param {string} text @param {Change} change */
    show(text: string, change: Change): void;
    undo(): void;
    /** The change stays. */
    end(): void;
    /** Show nothing, and neither undo the change nor end it. */
    drop(): void;
    #private;
}
/**
 * A message below a list for some seconds, with a button that undoes the change.
 *
 * `ended` runs once when the time is over, when another message replaces this one, when the page is left, and when the
 * element goes. It does not run after Undo. The time does not pass while the pointer or the focus is on the message.
 */
export type Change = {
    undo: () => void;
    ended?: () => void;
};
