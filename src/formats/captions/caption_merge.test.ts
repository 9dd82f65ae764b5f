/** How proposals join captions, counted with CLIP's own tokens. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { merged, type MergeMode } from './caption_merge';
import { makeTokenizer } from './tokenizer';

const merges = readFileSync(new URL('../../../public/clip/merges.txt', import.meta.url), 'utf8');
const tokenizer = makeTokenizer(merges, 49408);

describe('merged', () => {
  const join = (existing: string, proposed: string, mode: MergeMode): string =>
    merged(existing, proposed, mode, (text) => tokenizer.encode(text).length);

  it('fills only what is empty, or replaces', () => {
    expect(join('mine', 'new', 'only-empty')).toBe('mine');
    expect(join(' \n', 'new', 'only-empty')).toBe('new');
    expect(join('mine', 'new', 'replace')).toBe('new');
    for (const mode of ['only-empty', 'append', 'replace'] as const)
      expect(join('mine', ' ', mode)).toBe('mine');
  });

  it('appends the parts that are not there', () => {
    expect(join('kiko, Cat', 'kiko, cat, on a sofa, on a sofa', 'append')).toBe('kiko, Cat, on a sofa');
    expect(join('kiko, ', 'calm', 'append')).toBe('kiko, calm');
    expect(join('kiko, ', 'Kiko', 'append')).toBe('kiko, ');
    expect(join('', 'calm', 'append')).toBe('calm');
  });

  it('appends as much as fits in 75 tokens, and never cuts what a person wrote', () => {
    const seventy = Array.from({ length: 70 }, () => 'cat').join(' ');
    expect(join(seventy, 'a very long part that does not fit, calm, dog', 'append')).toBe(
      `${seventy}, calm, dog`,
    );
    const eighty = Array.from({ length: 80 }, () => 'cat').join(' ');
    expect(join(eighty, 'calm', 'append')).toBe(eighty);
  });
});
