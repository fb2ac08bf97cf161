export { LiveInbox } from "./live.js";
export { addLanguage } from "./words.js";
import { ClarionBell } from "./bell.js";
import { ClarionInbox } from "./inbox.js";
import { ClarionPreferences } from "./preferences.js";
export { ClarionBell, ClarionInbox, ClarionPreferences };
