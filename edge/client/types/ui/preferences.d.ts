export class ClarionPreferences extends ClarionElement {
    #private;
}
/**
 * one after the other; `moves`: the control that was used goes away
 */
export type Save = (changes: () => Promise<any>[], moves?: boolean) => void;
import { ClarionElement } from "./base.js";
