/**
 * How a proposed caption joins the one that is there already: the page, and the label tool, ask a person which way.
 * Captions are read as parts between commas; what a person wrote is never cut.
 */
import { splitTags } from '../dataset/tags';
import { withoutEnd } from '../text/trimmed';

/** What CLIP's text encoder reads between its start and end tokens. */
export const maxTokens = 75;

export const mergeModes = ['only-empty', 'append', 'replace'] as const;
export type MergeMode = (typeof mergeModes)[number];

/**
 * The caption after a proposal. Appending adds the parts between commas that are not there yet, as many as fit in 75
 * tokens (by `count`, without the two that frame every text), and never touches what is there; a proposal of nothing
 * leaves everything as it is.
 */
export function merged(
  existing: string,
  proposed: string,
  mode: MergeMode,
  count: (text: string) => number,
): string {
  if (proposed.trim() === '') return existing;
  if (mode === 'replace' || existing.trim() === '') return proposed;
  if (mode === 'only-empty') return existing;
  const known = new Set(splitTags(existing).map((part) => part.toLowerCase()));
  let out = withoutEnd(existing, /[\s,\uff0c\u3001]/);
  let added = false;
  for (const part of splitTags(proposed)) {
    const longer = `${out}, ${part}`;
    if (known.has(part.toLowerCase()) || count(longer) > maxTokens) continue;
    known.add(part.toLowerCase());
    out = longer;
    added = true;
  }
  return added ? out : existing;
}
