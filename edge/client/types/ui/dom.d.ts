/** Elements from data, as text: nothing that people wrote is read as HTML, and no inline style is needed. */
/**
 * @param {string} tag
 * @param {Record<string, any>} [attributes] `on…` are listeners; null, undefined and false are left out
 * @param {...(Node | string | null | undefined)} children
 * @returns {any} the element
 */
export function element(tag: string, attributes?: Record<string, any>, ...children: (Node | string | null | undefined)[]): any;
/** @param {keyof typeof ICONS} name */
export function icon(name: keyof typeof ICONS): SVGSVGElement;
/** Run `callback` once before the next paint, no matter how often it is asked for. @param {() => void} callback */
export function beforePaint(callback: () => void): () => void;
/** Whether a key is text for a field of the page. @param {KeyboardEvent} event */
export function isTyping(event: KeyboardEvent): boolean;
declare namespace ICONS {
    export let bell: string;
    export let check: string;
    export let unread: string;
    export let more: string;
    export let mute: string;
    let _delete: string;
    export { _delete as delete };
}
export {};
