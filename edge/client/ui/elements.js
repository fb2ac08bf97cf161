/**
 * Defines the elements `<clarion-bell>`, `<clarion-inbox>` and `<clarion-preferences>`.
 *
 * Load it as a module: `<script type="module" src=".../ui/elements.js"></script>`.
 */

import { ClarionBell } from "./bell.js";
import { ClarionInbox } from "./inbox.js";
import { ClarionPreferences } from "./preferences.js";

export { LiveInbox } from "./live.js";
export { addLanguage } from "./words.js";
export { ClarionBell, ClarionInbox, ClarionPreferences };

const ELEMENTS = {
  "clarion-inbox": ClarionInbox,
  "clarion-bell": ClarionBell,
  "clarion-preferences": ClarionPreferences,
};
for (const [name, element] of Object.entries(ELEMENTS)) {
  if (globalThis.customElements && !customElements.get(name)) customElements.define(name, element);
}
