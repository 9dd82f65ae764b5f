/** Finds the vocabulary's words in captions: contradictions within one, sides mixed across a set, styles named. */
import { rememberedByCaption } from '../../../formats/dataset/tags';
import { plainWords, withoutTrigger } from '../../../formats/dataset/trigger';
import { CONFLICTS, STYLE_WORDS } from './vocabulary';

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
  const found = phrasesIn(caption);
  if (found.size < 2) return [];
  return CONFLICTS.flatMap(({ sides }) => {
    const [one, other] = sides.flatMap((words) => words.find((word) => found.has(word)) ?? []);
    return one !== undefined && other !== undefined ? [[one, other] as const] : [];
  });
}

/**
 * Questions on which captions of the set take different sides. `ids` are those of the smaller side, which is the one
 * to look at; a caption that contradicts itself counts for neither.
 */
export function mixedSides(pictures: readonly Captioned[]): Found[] {
  const said = pictures
    .map(({ id, caption }) => ({ id, found: phrasesIn(caption) }))
    .filter(({ found }) => found.size > 0);
  return CONFLICTS.filter(({ acrossSet }) => acrossSet).flatMap((conflict) => {
    const sides = new Map<number, { word: string; ids: string[] }>();
    for (const { id, found } of said) {
      const taken = conflict.sides.flatMap((words, side) => {
        const word = words.find((each) => found.has(each));
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
  const naming = new Map<string, string[]>(STYLE_WORDS.map((words) => [words, []]));
  for (const { id, caption } of pictures)
    for (const words of phrasesIn(withoutTrigger(caption, trigger))) naming.get(words)?.push(id);
  return [...naming]
    .map(([words, ids]) => ({ words, ids }))
    .filter(({ ids }) => ids.length >= Math.max(FEW, STYLE_SHARE * pictures.length))
    .sort((a, b) => b.ids.length - a.ids.length);
}

/** Phrases of the vocabulary by their first words, as words. */
const STARTING: ReadonlyMap<string, readonly (readonly string[])[]> = byFirstWord();

function byFirstWord(): Map<string, string[][]> {
  const found = new Map<string, string[][]>();
  const phrases = new Set([...CONFLICTS.flatMap(({ sides }) => sides.flat()), ...STYLE_WORDS]);
  for (const phrase of phrases) {
    const words = phrase.split(' ');
    const others = found.get(words[0]);
    if (others) others.push(words);
    else found.set(words[0], [words]);
  }
  return found;
}

/** Phrases of the vocabulary that stand in a caption as whole words. */
const phrasesIn = rememberedByCaption((caption): ReadonlySet<string> => {
  const words = plainWords(caption).split(' ');
  const found = new Set<string>();
  for (const [at, word] of words.entries())
    for (const phrase of STARTING.get(word) ?? [])
      if (phrase.every((each, i) => words[at + i] === each)) found.add(phrase.join(' '));
  return found;
});
