/**
 * The tables of what errors say in other languages than English, which is their own. Apart from the page, so that one in
 * English does not wait for them; loaded as soon as the page speaks the language. What was said before that in English is
 * said again then.
 */
import type { Language } from '../formats/config/language';
import type { sentencesZh } from './error_sentences';
import { language } from './language.svelte';

type Table = typeof sentencesZh;

/** English is what the errors say by themselves. */
const loaders: Readonly<Record<Language, (() => Promise<Table>) | undefined>> = {
  en: undefined,
  zh: async () => (await import('./error_sentences')).sentencesZh,
};

class TranslatedSentences {
  #tables: Partial<Record<Language, Table>> = $state.raw({});

  /** Of the page's language; undefined in English, and until it has come. */
  get table(): Table | undefined {
    return this.#tables[language.current];
  }

  /** Never rejects: without a network the sentences stay English. */
  async load(of: Language): Promise<void> {
    if (this.#tables[of]) return;
    const table = await loaders[of]?.().catch(() => undefined);
    if (table) this.#tables = { ...this.#tables, [of]: table };
  }
}

export const translatedSentences = new TranslatedSentences();

/** Call once, where the page begins. */
export function loadWithLanguage(): void {
  $effect(() => void translatedSentences.load(language.current));
}
