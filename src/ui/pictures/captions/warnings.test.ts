import { describe, expect, it } from 'vitest';
import { tagFrequency } from './frequency';
import { conflictsWithin, mixedSides } from './conflicts';
import { warningsOf, type CaptionSet, type Warning } from './warnings';

const numbered = (captions: string[]) => captions.map((caption, index) => ({ id: String(index), caption }));
const distinct = (count: number) => Array.from({ length: count }, (_, i) => `thing ${i}`);

function warn(captions: string[], more: Partial<CaptionSet> = {}): Warning[] {
  const trigger = more.trigger ?? 'inkwash';
  return warningsOf({
    pictures: numbered(captions),
    purpose: 'style',
    trigger,
    frequency: tagFrequency(captions, [trigger]),
    ...more,
  });
}

describe('the size of a set', () => {
  it.each([
    [4, 'style', 5],
    [4, 'character', 5],
    [14, 'style', 15],
    [14, 'character', undefined],
    [15, 'style', undefined],
    [300, 'object', undefined],
  ] as const)('%d pictures of a %s', (count, purpose, wanted) => {
    expect(warn(distinct(count), { purpose }).find(({ kind }) => kind === 'few')).toEqual(
      wanted && { kind: 'few', ids: [], count, wanted },
    );
    expect(warn(distinct(count)).some(({ kind }) => kind === 'many')).toBe(false);
  });

  it('is too large beyond 300, and an empty one says nothing', () => {
    expect(warn(distinct(301))).toContainEqual({ kind: 'many', ids: [], count: 301 });
    expect(warn([])).toEqual([]);
  });
});

describe('single captions', () => {
  const good = distinct(20);

  it('finds nothing wrong with good ones', () => expect(warn(good)).toEqual([]));

  it('finds missing, long and foreign ones', () => {
    const found = warn([...good, ' ', 'x '.repeat(80), '山水'], { tokens: (text) => text.split(' ').length });
    expect(found).toEqual([
      { kind: 'missing', ids: ['20'] },
      { kind: 'not-english', ids: ['22'] },
      { kind: 'long', ids: ['21'] },
    ]);
  });

  it('finds one caption under three pictures, whether or not the trigger is written', () => {
    expect(warn([...good, 'boat', 'inkwash, Boat', 'boat'])).toEqual([
      { kind: 'same', caption: 'boat', ids: ['20', '21', '22'] },
    ]);
    expect(warn([...good, 'boat', 'boat'])).toEqual([]);
  });

  it('asks for a trigger word', () => {
    expect(warn(good, { trigger: ' ' })).toContainEqual({ kind: 'no-trigger', ids: [] });
  });
});

describe('contradictions', () => {
  it.each([
    ['cartoon cat, photorealistic', ['cartoon', 'photorealistic']],
    ['a sunny street at night', ['sunny', 'night']],
    ['monochrome, colourful flowers', ['monochrome', 'colourful']],
    ['Photo-realistic anime girl', ['anime', 'photo realistic']],
  ])('%s', (caption, words) => expect(conflictsWithin(caption)).toEqual([words]));

  it.each(['daylight, knight', 'red, green and blue', '', 'photograph, realistic'])('none in %j', (caption) =>
    expect(conflictsWithin(caption)).toEqual([]),
  );

  it('gathers the pictures of one contradiction', () => {
    expect(warn([...distinct(20), 'day, night', 'night by day', 'day'])).toEqual([
      { kind: 'conflict', words: ['day', 'night'], ids: ['20', '21'] },
    ]);
  });

  it('finds the smaller side of a mixed set, and minds no variety of hours', () => {
    const set = numbered([
      'cartoon cat',
      'cartoon dog',
      'photo of a cat',
      'a cat',
      'cartoon, photo',
      'day',
      'night',
    ]);
    expect(mixedSides(set)).toEqual([{ words: ['cartoon', 'photo'], ids: ['2'] }]);
    expect(mixedSides(numbered(['cartoon', 'photo']))).toEqual([]);
  });
});

describe('what the trigger should absorb', () => {
  const painted = distinct(16).map((caption, i) => (i < 12 ? `ink painting of ${caption}` : caption));

  it('a style that captions name', () => {
    expect(warn(painted)).toEqual([
      {
        kind: 'style-named',
        words: 'ink painting',
        ids: painted.slice(0, 12).map((_, i) => String(i)),
        of: 16,
      },
    ]);
    expect(warn(painted, { purpose: 'character' })).toEqual([]);
    expect(warn(painted, { trigger: '' }).map(({ kind }) => kind)).toEqual(['no-trigger']);
    expect(warn(distinct(16).map((c, i) => (i < 2 ? `sketch of ${c}` : c)))).toEqual([]);
  });

  it('traits that a character always has', () => {
    const girl = distinct(8).map((caption, i) => (i < 6 ? `${caption}, Red hair` : caption));
    expect(warn(girl, { purpose: 'character' })).toEqual([
      { kind: 'constant', tag: 'Red hair', of: 8, ids: ['0', '1', '2', '3', '4', '5'] },
    ]);
    expect(warn(girl.slice(0, 4), { purpose: 'character' }).map(({ kind }) => kind)).toEqual(['few']);
  });
});

it('counts a tag once a caption, most frequent first', () => {
  expect(tagFrequency(['Mist, boat, mist', 'mist', 'inkwash, sky'], ['inkwash'])).toEqual([
    { key: 'mist', tag: 'mist', count: 2 },
    { key: 'boat', tag: 'boat', count: 1 },
    { key: 'sky', tag: 'sky', count: 1 },
  ]);
});
