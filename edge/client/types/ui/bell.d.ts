export class ClarionBell extends ClarionElement {
    set open(open: boolean);
    /** Whether the panel is open. */
    get open(): boolean;
    #private;
}
import { ClarionElement } from "./base.js";
