/**
 * What nearly every picture of a set has in common: the phrases to offer for folding into the trigger word, and the
 * traits that a character's captions need not repeat.
 */
import type { Ranked } from './rank';

export interface Constant {
  readonly slot: string;
  readonly phrase: string;
  /** Of the set's pictures, 0 to 1. */
  readonly share: number;
}

/** "Over 80 %", of five pictures at least: in a set of one everything is constant. */
const minShare = 0.8;
const minSet = 5;

/** Phrases found in over 80 % of the set, commonest first. One entry a picture, empty for a picture without phrases. */
export function constantsOf(set: readonly (readonly Ranked[])[]): Constant[] {
  if (set.length < minSet) return [];
  const counts = new Map<string, { slot: string; phrase: string; count: number }>();
  for (const picture of set) {
    const seen = new Set<string>();
    for (const { slot, phrase } of picture) {
      const key = phraseKey({ slot, phrase });
      if (seen.has(key)) continue;
      seen.add(key);
      const entry = counts.get(key) ?? { slot, phrase, count: 0 };
      counts.set(key, { ...entry, count: entry.count + 1 });
    }
  }
  return [...counts.values()]
    .map(({ slot, phrase, count }) => ({ slot, phrase, share: count / set.length }))
    .filter(({ share }) => share > minShare)
    .sort((a, b) => b.share - a.share);
}

/** One text for a phrase in its slot, to keep in sets and maps. */
export function phraseKey({ slot, phrase }: { readonly slot: string; readonly phrase: string }): string {
  return `${slot}\n${phrase}`;
}
