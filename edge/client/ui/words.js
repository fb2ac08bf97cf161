/**
 * The words of the elements: a dictionary for each language, loaded when it is needed.
 *
 * A value is a text with fields in braces, or such texts by the plural categories of the language. `addLanguage` adds a
 * dictionary of the page's own.
 *
 * @typedef {string | Record<string, string>} Word
 * @typedef {Record<string, Word>} Dictionary
 */

/** @type {Record<string, () => Promise<{default: Dictionary}>>} */
const LANGUAGES = {
  ar: () => import("./words/ar.js"),
  de: () => import("./words/de.js"),
  en: () => import("./words/en.js"),
};
const RIGHT_TO_LEFT = /^(ar|ckb|dv|fa|he|ps|sd|ug|ur|yi)\b/;

/** @param {string} language @param {() => Promise<{default: Dictionary}>} load */
export function addLanguage(language, load) {
  LANGUAGES[language.toLowerCase()] = load;
}

/** Return the words of the first of these languages that has a dictionary, or of English. @param {string} language */
export async function wordsFor(language) {
  const asked = language.toLowerCase();
  const name = [asked, asked.split("-")[0]].find((one) => Object.hasOwn(LANGUAGES, one)) ?? "en";
  const { default: dictionary } = await LANGUAGES[name]();
  // The region decides on dates and numbers.
  return new Words(name === asked.split("-")[0] ? language : name, dictionary);
}

export class Words {
  /** @type {Dictionary} */ #dictionary;
  /** @type {Intl.PluralRules} */ #plural;
  /** @type {Intl.NumberFormat} */ #number;

  /** @param {string} language @param {Dictionary} dictionary */
  constructor(language, dictionary) {
    this.language = language;
    this.direction = RIGHT_TO_LEFT.test(language) ? "rtl" : "ltr";
    this.#dictionary = dictionary;
    this.#plural = new Intl.PluralRules(language);
    this.#number = new Intl.NumberFormat(language);
    this.relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
    this.exact = new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short" });
  }

  /** Return these words with some replaced. @param {Dictionary} own */
  with(own) {
    return new Words(this.language, { ...this.#dictionary, ...own });
  }

  /** @param {number} number */
  number = (number) => this.#number.format(number);

  /** Return a text; `count` chooses the plural. @param {string} key @param {Record<string, string | number>} [values] */
  say(key, values = {}) {
    const word = this.#dictionary[key] ?? key;
    const text = typeof word === "string" ? word : (word[this.#plural.select(Number(values.count))] ?? word.other);
    return text.replace(/\{(\w+)\}/g, (_, name) => {
      const value = values[name] ?? "";
      return typeof value === "number" ? this.number(value) : value;
    });
  }
}
