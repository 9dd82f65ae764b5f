/** The same as the patterns they stand for, on any text, and in a time that grows with its length alone. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { onOneLine, withoutEnd, withoutEnds } from './trimmed';

const texts = fc
  .array(fc.constantFrom(' ', ',', '_', 'a', '\n', '，'), { maxLength: 12 })
  .map((all) => all.join(''));

test('ends are dropped as the pattern with a dollar sign drops them', () => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(withoutEnd(text, /[\s,，]/)).toBe(text.replace(/[\s,，]+$/, ''));
      expect(withoutEnds(text, /[_,]/)).toBe(text.replace(/^[_,]+|[_,]+$/g, ''));
      expect(onOneLine(text)).toBe(text.replace(/\s*[\r\n]+\s*/g, ' '));
    }),
  );
});

test('a megabyte of spaces with a letter behind it takes no time', () => {
  const text = `${' '.repeat(1_000_000)}x`;
  const started = performance.now();
  expect(withoutEnd(text, /\s/)).toBe(text);
  expect(performance.now() - started).toBeLessThan(1000);
});
