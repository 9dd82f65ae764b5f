/** Finds the vocabulary's words in captions: contradictions within one, sides mixed across a set, styles named. */
import { plainWords, withoutTrigger } from '../../../formats/dataset/trigger';
import { CONFLICTS, STYLE_WORDS, type Conflict } from './vocabulary';

interface Captioned {
  readonly id: string;
  readonly caption: string;
}

interface Found {
  readonly words: readonly [string, string];
  readonly ids: readonly string[];
}

/** A side that this many captions take, and this share, is no slip. */
const FEW = 2;
/** A style named in fewer captions than this share tells pictures apart, which captions should. */
const STYLE_SHARE = 0.3;

/** Pairs of words in one caption that cannot both be true, one pair a question at most. */
export function conflictsWithin(caption: string): (readonly [string, string])[] {
  const text = padded(caption);
  return CONFLICTS.flatMap((conflict) => {
    const [one, other] = wordsOf(text, conflict);
    return one !== undefined && other !== undefined ? [[one, other] as const] : [];
  });
}

/**
 * Questions on which captions of the set take different sides. `ids` are those of the smaller side, which is the one
 * to look at; a caption that contradicts itself counts for neither.
 */
export function mixedSides(pictures: readonly Captioned[]): Found[] {
  return CONFLICTS.filter(({ acrossSet }) => acrossSet).flatMap((conflict) => {
    const sides = new Map<number, { word: string; ids: string[] }>();
    for (const { id, caption } of pictures) {
      const text = padded(caption);
      const taken = conflict.sides.flatMap((words, side) => {
        const word = words.find((each) => text.includes(` ${each} `));
        return word === undefined ? [] : [{ side, word }];
      });
      const [only] = taken;
      if (taken.length !== 1 || !only) continue;
      const known = sides.get(only.side);
      if (known) known.ids.push(id);
      else sides.set(only.side, { word: only.word, ids: [id] });
    }
    const [most, next] = [...sides.values()].sort((a, b) => b.ids.length - a.ids.length);
    if (!most || !next || most.ids.length < FEW) return [];
    return [{ words: [most.word, next.word] as const, ids: next.ids }];
  });
}

/** Style words, outside the trigger, that a good part of the captions name. The longest phrase stands for its parts. */
export function namedStyles(
  pictures: readonly Captioned[],
  trigger: string,
): { words: string; ids: string[] }[] {
  const texts = pictures.map(({ id, caption }) => ({ id, text: padded(withoutTrigger(caption, trigger)) }));
  return STYLE_WORDS.map((words) => ({
    words,
    ids: texts.filter(({ text }) => text.includes(` ${words} `)).map(({ id }) => id),
  }))
    .filter(({ ids }) => ids.length >= Math.max(FEW, STYLE_SHARE * pictures.length))
    .sort((a, b) => b.ids.length - a.ids.length);
}

function wordsOf(text: string, { sides }: Conflict): string[] {
  return sides.flatMap((words) => words.find((word) => text.includes(` ${word} `)) ?? []);
}

function padded(caption: string): string {
  return ` ${plainWords(caption)} `;
}
