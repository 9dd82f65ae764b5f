/**
 * A caption as tags: what lies between its commas, of whatever width. Every operation leaves a caption it has nothing to do to exactly
 * as it was written, prose, spacing and all; only a changed one is put together anew, with ", ".
 */

/** The tags of a caption, trimmed, without empty ones. A sentence without commas is one tag. */
export function splitTags(caption: string): string[] {
  return tagParts(caption).filter((tag) => tag !== '');
}

/** What lies between commas, full-width ones and the ideographic one included, trimmed; empty ones stay, as with kohya. */
export function tagParts(caption: string): string[] {
  return caption.split(/[,\uff0c\u3001]/u).map((tag) => tag.trim());
}

export function joinTags(tags: readonly string[]): string {
  return tags.join(', ');
}

/** How tags are compared: CLIP reads no capitals, and any white space as one space. */
export function tagKey(tag: string): string {
  return tag.trim().replace(/\s+/gu, ' ').toLowerCase();
}

/** What a person typed, cut into tags: commas of both widths, the ideographic one, and new lines separate. */
export function typedTags(typed: string): string[] {
  return splitTags(typed.replace(/[\r\n]+/g, ','));
}

export function hasTag(caption: string, tag: string): boolean {
  return keysIn(caption).includes(tagKey(tag));
}

/** The keys of a caption's tags, in order: `tagKey` of each of `splitTags`. */
export const keysIn = rememberedByCaption((caption): readonly string[] => splitTags(caption).map(tagKey));

const MOST_KNOWN = 50_000;

/** A set of ten thousand captions is gone through again and again, and one of them changes at a time. */
export function rememberedByCaption<T extends object>(of: (caption: string) => T): (caption: string) => T {
  const known = new Map<string, T>();
  return (caption) => {
    const before = known.get(caption);
    if (before) return before;
    const found = of(caption);
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(caption, found);
    return found;
  };
}

/** Adds what is not there yet, at the end or the front. */
export function addTags(caption: string, added: readonly string[], where: 'front' | 'end' = 'end'): string {
  const own = splitTags(caption);
  const known = new Set(own.map(tagKey));
  const fresh = added.filter(
    (tag) => tagKey(tag) !== '' && !known.has(tagKey(tag)) && known.add(tagKey(tag)),
  );
  if (fresh.length === 0) return caption;
  const trimmed = fresh.map((tag) => tag.trim());
  return joinTags(where === 'front' ? [...trimmed, ...own] : [...own, ...trimmed]);
}

export function removeTags(caption: string, removed: readonly string[]): string {
  const keys = new Set(removed.map(tagKey));
  const own = splitTags(caption);
  const left = own.filter((tag) => !keys.has(tagKey(tag)));
  return left.length === own.length ? caption : joinTags(left);
}

/** The tag at `from` comes to stand at `to`; positions count in `splitTags`. */
export function moveTag(caption: string, from: number, to: number): string {
  const tags = splitTags(caption);
  const target = Math.min(tags.length - 1, Math.max(0, to));
  if (from < 0 || from >= tags.length || from === target) return caption;
  const [tag] = tags.splice(from, 1);
  if (tag !== undefined) tags.splice(target, 0, tag);
  return joinTags(tags);
}

/** The tag at `index` becomes what was typed: another tag, several, or none. */
export function retypeTag(caption: string, index: number, typed: string): string {
  const tags = splitTags(caption);
  if (index < 0 || index >= tags.length || tags[index] === typed.trim()) return caption;
  return joinTags([...tags.slice(0, index), ...typedTags(typed), ...tags.slice(index + 1)]);
}

/** Words put before the text, unless it already begins with them. */
export function prefixCaption(caption: string, prefix: string): string {
  const words = prefix.trim();
  if (words === '' || caption.toLowerCase().startsWith(words.toLowerCase())) return caption;
  return caption.trim() === '' ? words : `${words} ${caption.trimStart()}`;
}
