/** Counts tokens of texts, and remembers the counts: captions are counted again with every change of another. */
import type { Tokenizer } from '../../../formats/captions/tokenizer';

const REMEMBERED = 50_000;

/** Without the two tokens that frame every text. */
export function counter(tokenizer: Tokenizer): (text: string) => number {
  const known = new Map<string, number>();
  return (text) => {
    let count = known.get(text);
    if (count === undefined) {
      count = tokenizer.encode(text).length;
      if (known.size >= REMEMBERED) known.clear();
      known.set(text, count);
    }
    return count;
  };
}
