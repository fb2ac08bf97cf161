/**
 * An EventTarget that knows the types of its events.
 *
 * @template {Record<string, any>} Details the `detail` of each event, by the event's type
 */
export class Emitter extends EventTarget {
  /**
   * @template {keyof Details & string} Type
   * @overload
   * @param {Type} type
   * @param {(event: CustomEvent<Details[Type]>) => void} listener
   * @param {boolean | AddEventListenerOptions} [options]
   * @returns {void}
   */
  /**
   * @overload
   * @param {string} type
   * @param {EventListenerOrEventListenerObject | null} listener
   * @param {boolean | AddEventListenerOptions} [options]
   * @returns {void}
   */
  /** @param {string} type @param {any} listener @param {any} [options] */
  addEventListener(type, listener, options) {
    super.addEventListener(type, listener, options);
  }

  /**
   * @template {keyof Details & string} Type
   * @overload
   * @param {Type} type
   * @param {(event: CustomEvent<Details[Type]>) => void} listener
   * @param {boolean | EventListenerOptions} [options]
   * @returns {void}
   */
  /**
   * @overload
   * @param {string} type
   * @param {EventListenerOrEventListenerObject | null} listener
   * @param {boolean | EventListenerOptions} [options]
   * @returns {void}
   */
  /** @param {string} type @param {any} listener @param {any} [options] */
  removeEventListener(type, listener, options) {
    super.removeEventListener(type, listener, options);
  }

  /**
   * Dispatch an event.
   * @template {keyof Details & string} Type
   * @param {Type} type @param {Details[Type]} detail
   */
  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
