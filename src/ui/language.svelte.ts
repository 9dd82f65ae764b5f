/**
 * Which language the page speaks, remembered on this computer. The texts themselves lie beside each screen, in its
 * `messages.ts`; this only says which of the two to read.
 */
import { recall, remember } from './remembered';

export type Language = 'en' | 'zh';

/** What the `lang` attribute says: the script too, as the stylesheet and screen readers go by it. */
export const languageTags: Record<Language, string> = { en: 'en', zh: 'zh-Hans' };

class LanguageChoice {
  #current: Language = $state(firstLanguage());

  get current(): Language {
    return this.#current;
  }

  set(language: Language): void {
    this.#current = language;
    remember('language', language);
  }
}

export const language = new LanguageChoice();

/** The messages in the current language. Call it inside `$derived` or markup, so that it follows a change. */
export function inLanguage<M>(messages: { en: M; zh: M }): M {
  return messages[language.current];
}

/** What was chosen before, else the first of the browser's languages that there is. */
function firstLanguage(): Language {
  const chosen = recall('language');
  if (chosen === 'en' || chosen === 'zh') return chosen;
  // Tests in Node have no navigator, or one without languages.
  const browser = globalThis.navigator as { languages?: readonly string[] } | undefined;
  for (const tag of browser?.languages ?? []) {
    if (/^zh\b/i.test(tag)) return 'zh';
    if (/^en\b/i.test(tag)) return 'en';
  }
  return 'en';
}
