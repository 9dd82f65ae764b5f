/**
 * What a good teacher would say of a set before training: about its size, its captions, and what they leave to the
 * trigger word. Facts only, each with the pictures it is about; the screen has the words.
 */
import type { Purpose } from '../../../protocol/captioner';
import type { TagCount } from './frequency';
import { conflictsWithin, mixedSides, namedStyles } from './conflicts';
import { hasTag } from '../../../formats/dataset/tags';
import { withoutTrigger } from '../../../formats/dataset/trigger';

export interface Captioned {
  readonly id: string;
  readonly caption: string;
}

export interface CaptionSet {
  /** What is trained on: nothing set aside. */
  readonly pictures: readonly Captioned[];
  readonly purpose: Purpose;
  readonly trigger: string;
  readonly frequency: readonly TagCount[];
  /** Tokens of a caption as trained; undefined while the tokenizer is not there. */
  readonly tokens?: (caption: string) => number;
}

export type Warning = { readonly ids: readonly string[] } & (
  | { readonly kind: 'few'; readonly count: number; readonly wanted: number }
  | { readonly kind: 'many'; readonly count: number }
  | { readonly kind: 'no-trigger' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'long' }
  | { readonly kind: 'not-english' }
  | { readonly kind: 'same'; readonly caption: string }
  | { readonly kind: 'conflict'; readonly words: readonly [string, string] }
  | { readonly kind: 'mixed'; readonly words: readonly [string, string] }
  | { readonly kind: 'style-named'; readonly words: string; readonly of: number }
  | { readonly kind: 'constant'; readonly tag: string; readonly of: number }
);

export const LEAST = 5;
export const LEAST_FOR_A_STYLE = 15;
export const MOST = 300;
export const TOKENS = 75;
/** A tag in this share of captions is no difference between pictures. */
const CONSTANT = 0.75;
/** Below this many captions a share says nothing. */
const ENOUGH = 5;

/** The weightiest first. */
export function warningsOf(set: CaptionSet): Warning[] {
  if (set.pictures.length === 0) return [];
  return [
    ...aboutSize(set),
    ...aboutEach(set),
    ...sameCaptions(set),
    ...contradictions(set),
    ...forTheTrigger(set),
  ];
}

function aboutSize({ pictures, purpose, trigger }: CaptionSet): Warning[] {
  const [ids, count] = [[], pictures.length];
  const found: Warning[] = [];
  const wanted =
    count < LEAST ? LEAST : purpose === 'style' && count < LEAST_FOR_A_STYLE ? LEAST_FOR_A_STYLE : 0;
  if (trigger.trim() === '') found.push({ kind: 'no-trigger', ids });
  if (wanted > 0) found.push({ kind: 'few', ids, count, wanted });
  if (count > MOST) found.push({ kind: 'many', ids, count });
  return found;
}

function aboutEach({ pictures, tokens }: CaptionSet): Warning[] {
  const where = (test: (caption: string) => boolean) =>
    pictures.filter(({ caption }) => test(caption)).map(({ id }) => id);
  const found: Warning[] = [
    { kind: 'missing', ids: where((caption) => caption.trim() === '') },
    {
      kind: 'not-english',
      ids: where((caption) => /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}]/u.test(caption)),
    },
    { kind: 'long', ids: tokens ? where((caption) => tokens(caption) > TOKENS) : [] },
  ];
  return found.filter(({ ids }) => ids.length > 0);
}

/** Three pictures or more with one caption, or the whole set: two may well show the same. */
function sameCaptions({ pictures, trigger }: CaptionSet): Warning[] {
  const groups = new Map<string, string[]>();
  for (const { id, caption } of pictures) {
    const rest = withoutTrigger(caption, trigger).trim().toLowerCase();
    if (rest === '') continue;
    const group = groups.get(rest);
    if (group) group.push(id);
    else groups.set(rest, [id]);
  }
  return [...groups]
    .filter(([, ids]) => ids.length >= 3)
    .sort(([, a], [, b]) => b.length - a.length)
    .slice(0, 3)
    .map(([caption, ids]) => ({ kind: 'same', caption, ids }));
}

function contradictions({ pictures }: CaptionSet): Warning[] {
  const within = new Map<string, { words: readonly [string, string]; ids: string[] }>();
  for (const { id, caption } of pictures) {
    for (const words of conflictsWithin(caption)) {
      const known = within.get(words.join());
      if (known) known.ids.push(id);
      else within.set(words.join(), { words, ids: [id] });
    }
  }
  return [
    ...[...within.values()].map(({ words, ids }): Warning => ({ kind: 'conflict', words, ids })),
    ...mixedSides(pictures).map(({ words, ids }): Warning => ({ kind: 'mixed', words, ids })),
  ];
}

/** What is always there belongs to the trigger word, so it should not be said as well. */
function forTheTrigger({ pictures, purpose, trigger, frequency }: CaptionSet): Warning[] {
  const captioned = pictures.filter(({ caption }) => withoutTrigger(caption, trigger).trim() !== '');
  if (trigger.trim() === '' || captioned.length < ENOUGH) return [];
  const styles = purpose === 'style' ? namedStyles(captioned, trigger) : [];
  const constant = frequency
    .filter(({ count }) => count >= CONSTANT * captioned.length && count >= ENOUGH)
    .filter(({ key }) => !styles.some(({ words }) => key.includes(words)))
    .slice(0, 5);
  const of = captioned.length;
  return [
    ...styles.map(({ words, ids }): Warning => ({ kind: 'style-named', words, ids, of })),
    ...constant.map(({ tag }): Warning => ({
      kind: 'constant',
      tag,
      of,
      ids: captioned.filter(({ caption }) => hasTag(caption, tag)).map(({ id }) => id),
    })),
  ];
}
