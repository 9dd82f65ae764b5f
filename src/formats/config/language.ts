/**
 * The languages the app speaks. What is said in them is `Localized`: with a language more in `Language`, the compiler
 * names every table of texts that lacks it. Numbers and plurals are Intl's.
 */
export type Language = 'en' | 'zh';

/** One of each language: a text, a table of texts. */
export type Localized<T = string> = Readonly<Record<Language, T>>;

/** What the `lang` attribute says: the script too, as stylesheets and screen readers go by it. */
export const languageTags: Localized = { en: 'en', zh: 'zh-Hans' };

/** In the order in which they are offered. */
export const languages = Object.keys(languageTags) as Language[];

/** '1,600' */
export function figure(n: number, language: Language, digits = 0): string {
  return n.toLocaleString(languageTags[language], { maximumFractionDigits: digits });
}

/** Of a part of 1: '42 %'. */
export function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}

/** The form of a word that goes with the number n, by the language's own rules (CLDR); `other` where it has no form of its own. */
export function pluralForm(
  n: number,
  language: Language,
  forms: Partial<Record<Intl.LDMLPluralRule, string>> & { other: string },
): string {
  rules[language] ??= new Intl.PluralRules(languageTags[language]);
  return forms[rules[language].select(n)] ?? forms.other;
}

const rules: Partial<Record<Language, Intl.PluralRules>> = {};

/** In English: '1 picture', '1,600 pictures'. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${figure(n, 'en')} ${pluralForm(n, 'en', { one, other: many })}`;
}
