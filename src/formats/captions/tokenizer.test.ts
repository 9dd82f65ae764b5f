import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cpuMilliseconds } from '../../cpu_time.testing';
import golden from '../fixtures/clip_tokens.json';
import many from '../fixtures/clip_tokens_many.json';
import { chunks, makeTokenizer, TokenizerError } from './tokenizer';

const merges = readFileSync(new URL('../../../public/clip/merges.txt', import.meta.url), 'utf8');
const clip = makeTokenizer(merges, 49408);
const small = makeTokenizer(merges, 512 + 1500 + 2);

/** Any code points, halves of surrogate pairs included. */
const anyText = (maxLength: number) =>
  fc.array(fc.nat(0x10ffff), { maxLength }).map((codes) => String.fromCodePoint(...codes));

describe('makeTokenizer', () => {
  it.each(golden)('gives the numbers of transformers for $text', ({ text, ids, small: smallIds }) => {
    expect(clip.encode(text)).toEqual(ids);
    expect(small.encode(text)).toEqual(smallIds);
  });

  it('gives the numbers of transformers for a thousand texts of words, emoji, Chinese and punctuation', () => {
    expect(many).toHaveLength(1000);
    const wrong = many.filter(([text, ids]) => clip.encode(String(text)).join() !== String(ids));
    expect(wrong.map(([text]) => text)).toEqual([]);
  });

  it('knows its specials', () => {
    expect([clip.bos, clip.eos, small.bos, small.eos]).toEqual([49406, 49407, 2012, 2013]);
    expect(clip.encode('a photo of a cat')).toEqual([320, 1125, 539, 320, 2368]);
  });

  it('makes byte tokens alone where there are no merges', () => {
    const bytes = makeTokenizer(merges, 514);
    expect(bytes.encode('ab!')).toEqual([64, 256 + 65, 256]);
  });

  it('refuses vocabularies that the list cannot fill, and lists that are no merges', () => {
    for (const size of [513, 49409, 1.5, NaN, -1])
      expect(() => makeTokenizer(merges, size)).toThrow(TokenizerError);
    expect(() => makeTokenizer('a b\nc\n', 516)).toThrow(/line 2 is "c"/);
  });

  it('gives numbers below eos for any text, and never hangs', () => {
    fc.assert(
      fc.property(anyText(60), (text) => {
        for (const id of clip.encode(text))
          expect(id >= 0 && id <= clip.eos && Number.isInteger(id)).toBe(true);
      }),
      { numRuns: 200 },
    );
    const start = cpuMilliseconds();
    expect(clip.encode('ab'.repeat(100_000)).length).toBeGreaterThan(10_000);
    expect(cpuMilliseconds() - start).toBeLessThan(5000);
  });
});

describe('chunks', () => {
  const tokens = Array.from({ length: 240 }, (_, i) => i);

  it('cuts into bos, 75, eos as kohya does', () => {
    for (const maximum of [75, 150, 225] as const) {
      const cut = chunks(tokens, maximum, clip);
      expect(cut).toHaveLength(maximum / 75);
      expect(cut.flatMap((chunk) => chunk.slice(1, 76))).toEqual(tokens.slice(0, maximum));
      for (const chunk of cut) expect([chunk.length, chunk[0], chunk[76]]).toEqual([77, clip.bos, clip.eos]);
    }
  });

  it('pads with eos, and fills chunks the text does not reach', () => {
    const [first, second] = chunks([5, 6], 150, clip);
    expect(first.slice(0, 5)).toEqual([clip.bos, 5, 6, clip.eos, clip.eos]);
    expect(new Set(first.slice(3))).toEqual(new Set([clip.eos]));
    expect(second).toEqual([clip.bos, ...Array.from({ length: 76 }, () => clip.eos)]);
  });
});
