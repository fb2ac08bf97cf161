/**
 * An EventTarget that knows the types of its events.
 *
 * @template {Record<string, any>} Details the `detail` of each event, by the event's type
 */
export class Emitter<Details extends Record<string, any>> extends EventTarget {
    constructor();
    /**
     * @template {keyof Details & string} Type
     * @overload
     * @param {Type} type
     * @param {(event: CustomEvent<Details[Type]>) => void} listener
     * @param {boolean | AddEventListenerOptions} [options]
     * @returns {void}
     */
    addEventListener<Type extends keyof Details & string>(type: Type, listener: (event: CustomEvent<Details[Type]>) => void, options?: boolean | AddEventListenerOptions | undefined): void;
    /**
     * @overload
     * @param {string} type
     * @param {EventListenerOrEventListenerObject | null} listener
     * @param {boolean | AddEventListenerOptions} [options]
     * @returns {void}
     */
    addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions | undefined): void;
    /**
     * @template {keyof Details & string} Type
     * @overload
     * @param {Type} type
     * @param {(event: CustomEvent<Details[Type]>) => void} listener
     * @param {boolean | EventListenerOptions} [options]
     * @returns {void}
     */
    removeEventListener<Type extends keyof Details & string>(type: Type, listener: (event: CustomEvent<Details[Type]>) => void, options?: boolean | EventListenerOptions | undefined): void;
    /**
     * @overload
     * @param {string} type
     * @param {EventListenerOrEventListenerObject | null} listener
     * @param {boolean | EventListenerOptions} [options]
     * @returns {void}
     */
    removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions | undefined): void;
    /**
     * Dispatch an event.
     * @template {keyof Details & string} Type
     * @param {Type} type @param {Details[Type]} detail
     */
    emit<Type extends keyof Details & string>(type: Type, detail: Details[Type]): void;
}
