/** Parts of the list, which an element around it passes on. */
export const PARTS: string;
export class ClarionInbox extends ClarionElement {
    set idle(idle: boolean);
    get idle(): boolean;
    /** Move the focus to the panel; the arrow down leads to the rows. */
    focus(): void;
    #private;
}
/**
 * `<clarion-inbox>`: a user's notifications as a list with tabs, page by page, live.
 *
 * While it can be seen, all that it shows is marked as seen. Opening a notification marks it as read.
 */
export type Notification = import("../store.js").Notification;
import { ClarionElement } from "./base.js";
