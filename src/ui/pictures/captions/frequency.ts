/** How often each tag occurs in the set: the table beside the pictures. A tag counts once a caption. */
import { keysIn, splitTags, tagKey } from '../../../formats/dataset/tags';

export interface TagCount {
  /** As it is first written. */
  readonly tag: string;
  readonly key: string;
  readonly count: number;
}

/** Most frequent first, then by alphabet. */
export function tagFrequency(captions: Iterable<string>, without: readonly string[] = []): TagCount[] {
  const left = new Set(without.map(tagKey));
  const counts = new Map<string, { tag: string; count: number }>();
  for (const caption of captions) {
    for (const key of new Set(keysIn(caption))) {
      if (left.has(key)) continue;
      const known = counts.get(key);
      if (known) known.count++;
      // As it is written last in the first caption that has it.
      else counts.set(key, { tag: splitTags(caption)[keysIn(caption).lastIndexOf(key)] ?? key, count: 1 });
    }
  }
  return [...counts]
    .map(([key, { tag, count }]) => ({ key, tag, count }))
    .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1));
}
