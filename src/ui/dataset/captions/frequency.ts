/** How often each tag occurs in the set: the table beside the pictures. A tag counts once a caption. */
import { splitTags, tagKey } from '../../../formats/dataset/tags';

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
    for (const [key, tag] of new Map(splitTags(caption).map((tag) => [tagKey(tag), tag]))) {
      if (left.has(key)) continue;
      const known = counts.get(key);
      if (known) known.count++;
      else counts.set(key, { tag, count: 1 });
    }
  }
  return [...counts]
    .map(([key, { tag, count }]) => ({ key, tag, count }))
    .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1));
}
