/**
 * Which language the page speaks, remembered on this computer. The texts themselves lie beside each screen, in its
 * `messages.ts`; this only says which of them to read.
 */
import { languages, type Language, type Localized } from '../formats/config/language';
import { recall, remember } from './remembered';

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
export function inLanguage<M>(messages: Localized<M>): M {
  return messages[language.current];
}

/** What was chosen before, else the first of the browser's languages that there is. */
function firstLanguage(): Language {
  const chosen = recall('language');
  const known = languages.find((each) => each === chosen);
  if (known) return known;
  // Tests in Node have no navigator, or one without languages.
  const browser = globalThis.navigator as { languages?: readonly string[] } | undefined;
  for (const tag of browser?.languages ?? []) {
    const spoken = languages.find((each) => tag.toLowerCase().split('-')[0] === each);
    if (spoken) return spoken;
  }
  return 'en';
}
