export function sheet(): CSSStyleSheet;
