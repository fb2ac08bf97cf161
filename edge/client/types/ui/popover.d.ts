export class Popover {
    /** @param {HTMLButtonElement} button @param {HTMLElement} panel @param {(open: boolean) => void} toggled before it is shown, and after it was hidden */
    constructor(button: HTMLButtonElement, panel: HTMLElement, toggled: (open: boolean) => void);
    get open(): boolean;
    /** @param {boolean} open */
    toggle(open: boolean): undefined;
    /** Stop listening to the page. */
    stop(): void;
    #private;
}
