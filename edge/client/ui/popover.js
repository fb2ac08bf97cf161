/**
 * A panel in the top layer beside its button, so that no `overflow`, `z-index` or transform of the page cuts it off.
 *
 * The browser's popover and anchors place it. A browser without popovers gets a fixed panel; where anchors are missing,
 * or place it elsewhere than at its button (below a transform), it is placed by its measures.
 */

const GAP = 8;
/** How far from its button an anchored panel may be. */
const TOLERANCE = 3 * GAP;

export class Popover {
  /** @type {HTMLElement} */ #button;
  /** @type {HTMLElement} */ #panel;
  /** @type {(open: boolean) => void} */ #toggled;
  #native;
  #open = false;
  #placed = false;
  /** @type {AbortController | null} */ #abort = null;

  /** @param {HTMLButtonElement} button @param {HTMLElement} panel @param {(open: boolean) => void} toggled before it is shown, and after it was hidden */
  constructor(button, panel, toggled) {
    this.#button = button;
    this.#panel = panel;
    this.#toggled = toggled;
    this.#native = typeof panel.showPopover === "function";
    if (this.#native) {
      panel.popover = "auto";
      button.popoverTargetElement = panel;
      panel.addEventListener("beforetoggle", (event) =>
        this.#changed(/** @type {ToggleEvent} */ (event).newState === "open"),
      );
      panel.addEventListener("toggle", () => this.#open && this.#place());
    } else {
      button.addEventListener("click", () => this.toggle(!this.#open));
    }
  }

  get open() {
    return this.#open;
  }

  /** @param {boolean} open */
  toggle(open) {
    if (open === this.#open) return;
    if (this.#native) return void (open ? this.#panel.showPopover() : this.#panel.hidePopover());
    this.#panel.toggleAttribute("data-open", open);
    this.#changed(open);
    if (open) this.#place();
  }

  /** Stop listening to the page. */
  stop() {
    this.#listen(false);
  }

  /** @param {boolean} open */
  #changed(open) {
    this.#open = open;
    const { activeElement } = /** @type {ShadowRoot} */ (this.#panel.getRootNode());
    if (!open && this.#panel.contains(activeElement)) this.#button.focus();
    this.#button.setAttribute("aria-expanded", String(open));
    this.#listen(open);
    this.#toggled(open);
  }

  /** @param {boolean} on */
  #listen(on) {
    this.#abort?.abort();
    if (!on) return;
    const { signal } = (this.#abort = new AbortController());
    for (const type of ["scroll", "resize"])
      addEventListener(type, this.#place, { signal, capture: true, passive: true });
    if (this.#native) return;
    document.addEventListener("pointerdown", this.#outside, { signal, capture: true });
    document.addEventListener("keydown", this.#escape, { signal, capture: true });
  }

  #outside = (/** @type {Event} */ event) => {
    const inside = event.composedPath();
    if (!inside.includes(this.#panel) && !inside.includes(this.#button)) this.toggle(false);
  };

  #escape = (/** @type {KeyboardEvent} */ { key }) => key === "Escape" && this.toggle(false);

  #place = () => {
    const { style } = this.#panel;
    const anchor = this.#button.getBoundingClientRect();
    let panel = this.#panel.getBoundingClientRect();
    if (!this.#placed && this.#native && beside(anchor, panel)) return;
    this.#placed = true;
    style.setProperty("position-area", "none");
    style.margin = "0";
    panel = this.#panel.getBoundingClientRect();
    const { clientWidth, clientHeight, dir } = document.documentElement;
    const wanted = dir === "rtl" ? anchor.left : anchor.right - panel.width;
    const left = Math.max(GAP, Math.min(wanted, clientWidth - panel.width - GAP));
    const fits = anchor.bottom + GAP + panel.height <= clientHeight || anchor.top < clientHeight - anchor.bottom;
    const top = fits ? anchor.bottom + GAP : Math.max(GAP, anchor.top - GAP - panel.height);
    style.inset = `${top}px auto auto ${left}px`;
  };
}

/** Whether a panel stands above or below its button. @param {DOMRect} anchor @param {DOMRect} panel */
function beside(anchor, panel) {
  const vertical = Math.min(Math.abs(panel.top - anchor.bottom), Math.abs(anchor.top - panel.bottom));
  return vertical <= TOLERANCE && panel.left <= anchor.right && panel.right >= anchor.left;
}
