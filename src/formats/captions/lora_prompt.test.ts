import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  complete,
  completionAt,
  formatLoraTag,
  isLoraName,
  loraNameOf,
  maxLoraWeight,
  parseLoraPrompt,
} from './lora_prompt';

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter(isLoraName);
const weight = fc.integer({ min: -maxLoraWeight * 1000, max: maxLoraWeight * 1000 }).map((n) => n / 1000);
const plain = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((text) => !/[<>]/.test(text));

describe('parseLoraPrompt', () => {
  it('takes tags out of the words, in order, with their weights and places', () => {
    const text = '<lora:a:0.8> a lighthouse, <LORA:b c:-.5> in a storm <lora:d>';
    const { words, loras, problems } = parseLoraPrompt(text);
    expect(words).toBe('a lighthouse, in a storm');
    expect(loras.map(({ name, weight }) => [name, weight])).toEqual([
      ['a', 0.8],
      ['b c', -0.5],
      ['d', 1],
    ]);
    expect(loras.map(({ start, end }) => text.slice(start, end))).toEqual([
      '<lora:a:0.8>',
      '<LORA:b c:-.5>',
      '<lora:d>',
    ]);
    expect(problems).toEqual([]);
  });

  it.each([
    ['<lora:>', 'name'],
    ['<lora: :0.5>', 'name'],
    ['<lora:a:>', 'weight'],
    ['<lora:a:strong>', 'weight'],
    ['<lora:a:0.5:0.7>', 'weight'],
    ['<lora:a:1e9>', 'weight'],
    ['<lora:a:NaN>', 'weight'],
    ['<lora:a:08>', 'weight'],
  ])('%s is a problem, and no word', (tag, code) => {
    const { words, loras, problems } = parseLoraPrompt(`x ${tag} y`);
    expect(words).toBe('x y');
    expect(loras).toEqual([]);
    expect(problems).toMatchObject([{ code, text: tag }]);
  });

  it.each(['a < b', '<lora:a', 'lora:a:1>', '<hypernet:a:1>', '(a:1.2)'])('leaves %s as it is', (text) => {
    expect(parseLoraPrompt(text)).toEqual({ words: text, loras: [], problems: [] });
  });

  it('finds again whatever was formatted, between any words', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(plain, name, weight), { maxLength: 5 }), plain, (tags, end) => {
        const text = tags.map(([before, n, w]) => before + formatLoraTag(n, w)).join('') + end;
        const { words, loras, problems } = parseLoraPrompt(text);
        expect(problems).toEqual([]);
        expect(loras.map((tag) => [tag.name, tag.weight])).toEqual(tags.map(([, n, w]) => [n, w + 0]));
        const rest = [...tags.map(([before]) => before), end].join('');
        expect(words.replaceAll(/\s/g, '')).toBe(rest.replaceAll(/\s/g, ''));
      }),
    );
  });

  it('never throws, and its words hold no tag any more unless one was hidden in another', () => {
    const piece = fc.oneof(fc.constantFrom('<lora:', '<', '>', ':', 'a', '0.5', ' '), fc.string());
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = pieces.join('');
        const { words, loras, problems } = parseLoraPrompt(text);
        for (const { weight: w } of loras) expect(Math.abs(w)).toBeLessThanOrEqual(maxLoraWeight);
        const cut = loras.length + problems.length;
        if (cut === 0) expect(words).toBe(text.replace(/\s+/g, ' ').trim());
        else expect(words.length).toBeLessThan(text.length);
      }),
    );
  });
});

describe('completions', () => {
  it.each([
    ['a cat <', ''],
    ['a cat <lo', ''],
    ['a cat <lora:', ''],
    ['a cat <lora:ink', 'ink'],
    ['<lora:a:1> <lora:水', '水'],
  ])('%s| asks for names', (text, typed) => {
    expect(completionAt(text, text.length)?.typed).toBe(typed);
  });

  it.each(['a cat', '<lora:a:', '<lora:a:0.8', '<lora:a:0.8>', '<b'])('%s| does not', (text) => {
    expect(completionAt(text, text.length)).toBeUndefined();
  });

  it('replaces the whole tag that the cursor stands in, and stands behind it', () => {
    const text = 'x <lora:in:0.5> y';
    const at = completionAt(text, 'x <lora:in'.length);
    expect(at && complete(text, at, 'inkwash', 0.8)).toEqual({
      text: 'x <lora:inkwash:0.8> y',
      cursor: 'x <lora:inkwash:0.8>'.length,
    });
  });

  it('leaves what follows an unfinished tag alone', () => {
    const text = 'x <lora:in a pond';
    const at = completionAt(text, 'x <lora:in'.length);
    expect(at && complete(text, at, 'inkwash', 1).text).toBe('x <lora:inkwash:1> a pond');
  });

  it('a completed tag is one', () => {
    fc.assert(
      fc.property(plain, name, weight, (before, n, w) => {
        const text = `${before}<lora:`;
        const at = completionAt(text, text.length);
        const done = at && complete(text, at, n, w);
        expect(parseLoraPrompt(done?.text ?? '').loras).toMatchObject([{ name: n, weight: w + 0 }]);
      }),
    );
  });
});

it('names of files fit a tag', () => {
  expect(loraNameOf('my lora.safetensors')).toBe('my_lora');
  expect(loraNameOf('models\\Lora\\水墨.SAFETENSORS')).toBe('水墨');
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (file) => isLoraName(loraNameOf(file))));
});
