import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitTags, tagKey } from './tags';
import { mentions, withoutTrigger, withTrigger } from './trigger';

describe('withTrigger', () => {
  it.each([
    ['mist, river', 'inkwash style', 'inkwash style, mist, river'],
    ['mist, Inkwash  Style, river', 'inkwash style', 'inkwash style, mist, river'],
    ['inkwash style, mist ,river', 'inkwash style', 'inkwash style, mist ,river'],
    ['a photo of sks dog, sitting', 'sks', 'a photo of sks dog, sitting'],
    ['a photo of husks, sitting', 'sks', 'sks, a photo of husks, sitting'],
    ['', 'sks', 'sks'],
    ['mist ,river', ' ', 'mist ,river'],
  ])('%j with %j', (caption, trigger, expected) => {
    expect(withTrigger(caption, trigger)).toBe(expected);
  });

  it('says it once, and twice is as once', () => {
    const word = fc.stringMatching(/^[a-z]{2,6}( [a-z]{2,6})?$/);
    fc.assert(
      fc.property(fc.array(word), word, (words, trigger) => {
        const once = withTrigger(words.join(', '), trigger);
        expect(mentions(once, trigger)).toBe(true);
        expect(splitTags(once).filter((tag) => tagKey(tag) === tagKey(trigger)).length).toBeLessThanOrEqual(
          1,
        );
        expect(withTrigger(once, trigger)).toBe(once);
      }),
    );
  });
});

it('withoutTrigger takes the tag out and leaves sentences', () => {
  expect(withoutTrigger('sks, a dog', 'SKS')).toBe('a dog');
  expect(withoutTrigger('a sks dog ,lying', 'sks')).toBe('a sks dog ,lying');
  expect(withoutTrigger('sks', 'sks')).toBe('');
  expect(withoutTrigger('a ,b', '')).toBe('a ,b');
});

it('mentions whole words only', () => {
  expect(mentions('a Photo-realistic cat', 'photo realistic')).toBe(true);
  expect(mentions('daylight', 'day')).toBe(false);
  expect(mentions('anything', '!')).toBe(false);
});
