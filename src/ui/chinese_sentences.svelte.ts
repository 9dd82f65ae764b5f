/**
 * The table of what errors say in Chinese, on its own so that a page in English does not wait for it. Loaded as soon as
 * the page speaks Chinese; what was said before that in English is said again then.
 */
import { language } from './language.svelte';
import type { sentencesZh } from './error_sentences';

class ChineseSentences {
  #table: typeof sentencesZh | undefined = $state.raw();

  get table(): typeof sentencesZh | undefined {
    return this.#table;
  }

  /** Never rejects: without a network the sentences stay English. */
  async load(): Promise<void> {
    this.#table ??= (await import('./error_sentences').catch(() => undefined))?.sentencesZh;
  }
}

export const chineseSentences = new ChineseSentences();

/** Call once, where the page begins. */
export function loadWithLanguage(): void {
  $effect(() => {
    if (language.current === 'zh') void chineseSentences.load();
  });
}
