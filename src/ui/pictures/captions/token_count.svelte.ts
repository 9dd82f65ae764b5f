/**
 * How many of CLIP's tokens a caption takes. The word list (half a megabyte, of our own origin) is fetched when the
 * first count is asked for; until then, and if it cannot be read, there is no count.
 */
import { makeTokenizer } from '../../../formats/captions/tokenizer';
import { mergeList } from '../../merge_list';
import { counter } from './counter';

/** SD 1.x: its text encoder's table of tokens. */
const VOCABULARY = 49408;

class TokenCount {
  #count: ((text: string) => number) | undefined = $state.raw();
  #asked = false;

  /** Fetches the word list, once. */
  async load(): Promise<void> {
    if (this.#asked) return;
    this.#asked = true;
    try {
      this.#count = counter(makeTokenizer(await mergeList(), VOCABULARY));
    } catch (error) {
      // Offline before the first visit was complete: it is asked for again with the next picture.
      this.#asked = false;
      console.warn('Tokens are not counted.', error);
    }
  }

  get ready(): boolean {
    return this.#count !== undefined;
  }

  /** Undefined until `ready`. */
  of(text: string): number | undefined {
    return this.#count?.(text);
  }
}

/** The page's one: the word list takes a moment to be made ready. */
export const tokenCount = new TokenCount();
