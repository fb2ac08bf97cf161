/**
 * The style sheet of all elements. Pages change it by the custom properties `--clarion-…` and by `::part`.
 * The colours of the system follow the colour scheme of the page, and a mode of forced colours.
 *
 * It is a constructed sheet, so no policy of the page against inline styles concerns it.
 */

const CSS = `
:host { all: initial; display: block; font: 0.9375rem/1.4 sans-serif; font-family: var(--clarion-font, inherit);
  color-scheme: inherit; color: var(--_text); --_text: var(--clarion-text, CanvasText); --_surface: var(--clarion-surface, Canvas);
  --_faint: var(--clarion-faint, color-mix(in srgb, var(--_text) 70%, var(--_surface)));
  --_line: var(--clarion-line, color-mix(in srgb, var(--_text) 17%, var(--_surface)));
  --_accent: var(--clarion-accent, color-mix(in srgb, #0d9488 65%, CanvasText));
  --_danger: var(--clarion-danger, color-mix(in srgb, #e5484d 70%, CanvasText));
  --_round: var(--clarion-radius, 0.75rem); }
[hidden], :host([hidden]) { display: none !important; }
:host(clarion-bell) { display: inline-block; inline-size: 2.5rem; block-size: 2.5rem; vertical-align: middle; }
.hidden { position: absolute; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
button { all: unset; cursor: pointer; }
button:disabled { cursor: default; opacity: 0.5; }
* { box-sizing: border-box !important; }
:focus-visible { outline: 2px solid var(--_accent); outline-offset: -2px; }
[tabindex='-1']:not(button, a) { outline: none; }
svg { display: block; inline-size: 1.2rem; block-size: 1.2rem; fill: none; stroke: currentColor; stroke-width: 1.7; stroke-linecap: round; }
ul, h2, h3, p, legend, fieldset { list-style: none; margin: 0; padding: 0; border: 0; font: inherit; }

[part=button] { position: relative; display: grid; place-items: center; inline-size: 2.5rem; block-size: 2.5rem; border-radius: 50%; color: var(--clarion-bell, inherit); anchor-name: --clarion-bell; }
[part=button]:hover, [part=button][aria-expanded=true] { background: color-mix(in srgb, currentColor 10%, transparent); }
[part=icon] { display: block; scale: 1.15; transform-origin: 50% 15%; }
[part=icon][data-offline] { opacity: 0.45; }
[part~=badge] { position: absolute; inset-block-start: 0; inset-inline-end: -0.1rem; min-inline-size: 1.2rem; padding: 0 0.3rem; border-radius: 1rem; background: var(--_faint); color: var(--_surface); font-size: 0.75rem; font-weight: 650; line-height: 1.2rem; text-align: center; }
[part~=badge-new] { background: var(--clarion-badge, #b3261e); color: var(--clarion-badge-text, #fff); }

[part=popover] { position: fixed; inset: auto; margin: 0.5rem 0; padding: 0; border: 1px solid var(--_line); border-radius: var(--_round); overflow: hidden;
  background: var(--_surface); color: var(--_text); box-shadow: 0 0.5rem 2rem #0003; inline-size: min(var(--clarion-width, 25rem), 100vw - 1rem);
  position-anchor: --clarion-bell; position-area: block-end span-inline-start; position-try-fallbacks: flip-inline, flip-block, flip-block flip-inline; }
@media (max-width: 30rem) { [part=popover] { position-area: block-end span-all; } }
[part=popover]:not(:popover-open) { display: none; }
[part=popover] clarion-inbox { --clarion-height: min(34rem, 100dvh - 5rem); }

[part=panel] { display: flex; flex-direction: column; max-block-size: var(--clarion-height, none); background: var(--_surface); color: var(--_text); }
[part=header] { display: flex; align-items: center; justify-content: space-between; gap: 1rem; padding: 0.7rem 1rem; }
[part=title] { font-size: 1.05rem; font-weight: 650; }
[part=read-all], [part=older], [part=unmute], [part=undo] { color: var(--_accent); font-size: 0.875rem; }
[part=tabs] { display: flex; gap: 0.25rem; padding: 0 0.75rem 0.5rem; overflow-x: auto; flex: none; }
[part~=tab] { padding: 0.2rem 0.7rem; border-radius: 1rem; color: var(--_faint); white-space: nowrap; }
[part~=tab-selected] { background: color-mix(in srgb, currentColor 10%, transparent); color: var(--_accent); }
[part=body] { overflow-y: auto; overscroll-behavior: contain; border-block-start: 1px solid var(--_line); }
[part~=row] { position: relative; display: flex; align-items: flex-start; content-visibility: auto; contain-intrinsic-block-size: auto 4rem; }
[part=help] { padding: 0.5rem 1rem; border-block-start: 1px solid var(--_line); color: var(--_faint); font-size: 0.8125rem; }
@media (hover: none) { [part=help] { display: none; } }
[part=day] { padding: 0.5rem 1rem 0.3rem; color: var(--_faint); font-size: 0.8125rem; font-weight: 650; }
[part~=row] + * { border-block-start: 1px solid var(--_line); }
[part~=row]:hover { background: color-mix(in srgb, var(--_text) 4%, transparent); }
[part~=row-unread] { background: color-mix(in srgb, var(--_accent) 8%, transparent); }
[part~=row-unread]::before { content: ""; position: absolute; inset-inline-start: 0.4rem; inset-block-start: 1.15rem; inline-size: 0.45rem; block-size: 0.45rem; border-radius: 50%; background: var(--_accent); }
.content { flex: 1; min-inline-size: 0; }
[part=row-main] { display: flex; flex-wrap: wrap; column-gap: 0.75rem; inline-size: 100%; padding: 0.7rem 0.25rem 0.7rem 0; padding-inline-start: 1.1rem; color: inherit; text-decoration: none; overflow-wrap: anywhere; }
.words { flex: 1; min-inline-size: 60%; display: grid; }
[part=row-text] { color: var(--_faint); display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; line-clamp: 2; overflow: hidden; }
strong { font-weight: 650; }
.foot { flex-basis: 100%; display: flex; gap: 0.75rem; color: var(--_faint); font-size: 0.8125rem; }
[part=row-icon] + .words + .foot { padding-inline-start: 1.95rem; }
[part=actions] { position: absolute; inset-block-start: 0.4rem; inset-inline-end: 0.4rem; display: flex; border-radius: 1rem; background: var(--_surface); color: var(--_faint); box-shadow: 0 0 0 1px var(--_line); opacity: 0; }
[part~=row]:is(:hover, :focus-within) [part=actions] { opacity: 1; }
[part~=action] { display: grid; place-items: center; inline-size: 2rem; block-size: 2rem; border-radius: 50%; }
[part~=action]:hover { color: var(--_text); background: color-mix(in srgb, currentColor 10%, transparent); }
.label, [part=more] { display: none; }
@media (hover: none) {
  [part~=row] { flex-wrap: wrap; }
  [part=more] { display: grid; place-items: center; inline-size: 2.75rem; block-size: 2.75rem; color: var(--_faint); stroke-width: 3; }
  [part=actions] { position: static; display: none; flex-basis: 100%; flex-wrap: wrap; padding: 0 0.5rem 0.5rem; background: none; box-shadow: none; opacity: 1; }
  [part=more][aria-expanded=true] + [part=actions] { display: flex; }
  [part~=action] { grid-auto-flow: column; gap: 0.4rem; inline-size: auto; block-size: 2.75rem; padding: 0 0.7rem; border-radius: 1.4rem; }
  .label { display: inline; }
}
[part=empty] { padding: 2rem 1rem; color: var(--_faint); text-align: center; }
[part=trouble] { padding: 0.6rem 1rem; color: var(--_danger); }
.notices { position: sticky; inset-block-end: 0; background: var(--_surface); }
.notices > :not([data-empty]) { border-block-start: 1px solid var(--_line); }
[part=toast]:not([data-empty]) { display: flex; justify-content: space-between; gap: 1rem; padding: 0.6rem 1rem; }
[part=toast][data-empty] [part=undo] { display: none; }
[part=offline]:not(:empty) { padding: 0.4rem 1rem; background: color-mix(in srgb, var(--_text) 8%, transparent); font-size: 0.875rem; }
[part=saved] { min-block-size: 1.4em; margin-block-start: 1rem; color: var(--_faint); }
[part=older] { display: block; inline-size: 100%; padding: 0.75rem; text-align: center; border-block-start: 1px solid var(--_line); }
[part=footer] { padding: 0.6rem 1rem; border-block-start: 1px solid var(--_line); text-align: center; }

[part=group] + [part=group] { margin-block-start: 1.25rem; }
[part=heading] { font-weight: 650; margin-block-end: 0.4rem; }
[part=choice] label { display: flex; align-items: center; gap: 0.6rem; min-block-size: 2.25rem; cursor: pointer; }
[part=checkbox] { inline-size: 1.1rem; block-size: 1.1rem; margin: 0; accent-color: var(--_accent); }
[part=topic] { display: flex; align-items: center; justify-content: space-between; gap: 1rem; min-block-size: 2.25rem; }
`;

/** Where the browser has no popovers, the panel is shown by an attribute. */
const WITHOUT_POPOVERS = `
[part=popover] { z-index: 2147483647; }
[part=popover]:not([data-open]) { display: none; }
[part=popover][data-open] { display: block; }
`;

/** @type {CSSStyleSheet | null} */
let made = null;

export function sheet() {
  if (made) return made;
  made = new CSSStyleSheet();
  made.replaceSync(CSS + ("popover" in HTMLElement.prototype ? "" : WITHOUT_POPOVERS));
  return made;
}
