import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addTags,
  hasTag,
  joinTags,
  moveTag,
  prefixCaption,
  removeTags,
  retypeTag,
  splitTags,
  tagKey,
  typedTags,
} from './tags';

const prose = 'A man stands in the rain.  He has no umbrella';
const tag = fc.stringMatching(/^[a-z][a-z0-9 '.-]{0,12}$/).map((text) => text.trim());
const tags = fc.uniqueArray(tag, { selector: tagKey, maxLength: 12 });

describe('splitTags', () => {
  it('trims, and leaves out what is empty', () => {
    expect(splitTags(' mist ,, pine  tree,')).toEqual(['mist', 'pine  tree']);
    expect(splitTags('  ')).toEqual([]);
    expect(splitTags(prose)).toEqual([prose]);
  });

  it('is undone by joinTags', () => {
    fc.assert(
      fc.property(tags, (list) => {
        expect(splitTags(joinTags(list))).toEqual(list);
      }),
    );
  });
});

it('takes every comma that people type', () => {
  expect(typedTags('mist\uff0cpine tree\u3001 river, boat\n')).toEqual([
    'mist',
    'pine tree',
    'river',
    'boat',
  ]);
});

describe('addTags', () => {
  it('adds at either end what is not there yet, whatever its case', () => {
    expect(addTags('mist, river', ['Mist', 'boat', 'BOAT', ' '])).toBe('mist, river, boat');
    expect(addTags('mist', ['boat', 'sky'], 'front')).toBe('boat, sky, mist');
    expect(addTags('', ['boat'])).toBe('boat');
  });

  it('leaves a caption it adds nothing to as it was written', () => {
    expect(addTags('mist ,river', ['river'])).toBe('mist ,river');
    expect(addTags(prose, [])).toBe(prose);
  });

  it('has what it added, and removing that gives back the caption', () => {
    fc.assert(
      fc.property(tags, tag, (list, fresh) => {
        const added = addTags(joinTags(list), [fresh]);
        expect(hasTag(added, fresh)).toBe(true);
        const knew = list.some((own) => tagKey(own) === tagKey(fresh));
        if (!knew) expect(removeTags(added, [fresh])).toBe(joinTags(list));
        expect(addTags(added, [fresh])).toBe(added);
      }),
    );
  });
});

it('removes whole tags only', () => {
  expect(removeTags('red, red dress, RED', ['red'])).toBe('red dress');
  expect(removeTags('mist ,river', ['sky'])).toBe('mist ,river');
  expect(removeTags('mist', ['mist'])).toBe('');
});

describe('moveTag', () => {
  it('puts a tag elsewhere and keeps inside the list', () => {
    expect(moveTag('a, b, c', 0, 2)).toBe('b, c, a');
    expect(moveTag('a, b, c', 2, 0)).toBe('c, a, b');
    expect(moveTag('a, b, c', 1, 99)).toBe('a, c, b');
    expect(moveTag('a ,b', 0, 0)).toBe('a ,b');
    expect(moveTag('a ,b', 7, 0)).toBe('a ,b');
  });

  it('loses nothing and can be undone', () => {
    fc.assert(
      fc.property(tags, fc.nat(11), fc.nat(11), (list, from, to) => {
        fc.pre(from < list.length && to < list.length);
        const moved = moveTag(joinTags(list), from, to);
        expect(splitTags(moved)[to]).toBe(list[from]);
        expect(moveTag(moved, to, from)).toBe(joinTags(list));
      }),
    );
  });
});

it('retypes one tag as another, several or none', () => {
  expect(retypeTag('a, b, c', 1, 'x')).toBe('a, x, c');
  expect(retypeTag('a, b, c', 1, 'x, y')).toBe('a, x, y, c');
  expect(retypeTag('a, b, c', 1, ' ')).toBe('a, c');
  expect(retypeTag('a ,b', 0, 'a')).toBe('a ,b');
});

it('puts words before a caption once', () => {
  expect(prefixCaption('a boat', 'photo of')).toBe('photo of a boat');
  expect(prefixCaption('Photo of a boat', 'photo of')).toBe('Photo of a boat');
  expect(prefixCaption('', 'boats')).toBe('boats');
  expect(prefixCaption('a boat', ' ')).toBe('a boat');
});
