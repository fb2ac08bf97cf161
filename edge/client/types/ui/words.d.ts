/** @param {string} language @param {() => Promise<{default: Dictionary}>} load */
export function addLanguage(language: string, load: () => Promise<{
    default: Dictionary;
}>): void;
/** Return the words of the first of these languages that has a dictionary, or of English. @param {string} language */
export function wordsFor(language: string): Promise<Words>;
export class Words {
    /** @param {string} language @param {Dictionary} dictionary */
    constructor(language: string, dictionary: Dictionary);
    language: string;
    direction: string;
    relative: Intl.RelativeTimeFormat;
    exact: Intl.DateTimeFormat;
    /** Return these words with some replaced. @param {Dictionary} own */
    with(own: Dictionary): Words;
    /** @param {number} number */
    number: (number: number) => string;
    /** Return a text; `count` chooses the plural. @param {string} key @param {Record<string, string | number>} [values] */
    say(key: string, values?: Record<string, string | number>): string;
    #private;
}
/**
 * The words of the elements: a dictionary for each language, loaded when it is needed.
 *
 * A value is a text with fields in braces, or such texts by the plural categories of the language. `addLanguage` adds a
 * dictionary of the page's own.
 */
export type Word = string | Record<string, string>;
/**
 * The words of the elements: a dictionary for each language, loaded when it is needed.
 *
 * A value is a text with fields in braces, or such texts by the plural categories of the language. `addLanguage` adds a
 * dictionary of the page's own.
 */
export type Dictionary = Record<string, Word>;
