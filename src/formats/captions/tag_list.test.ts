import { describe, expect, it } from 'vitest';
import { parseTagList, spokenTag, TagListError } from './tag_list';

const list = (text: string) => parseTagList(new TextEncoder().encode(text));

describe('parseTagList', () => {
  it('reads the taggers’ own file, in order', () => {
    const tags = list(
      '\ufefftag_id,name,category,count\r\n9999999,general,9,1\r\n1,1girl,0,5\r\n2,hatsune_miku,4,3\r\n3,"a,b",3,1\r\n',
    );
    expect(tags).toEqual([
      { name: 'general', category: 'rating' },
      { name: '1girl', category: 'general' },
      { name: 'hatsune_miku', category: 'character' },
      { name: 'a,b', category: 'other' },
    ]);
    // Columns by name, not place.
    expect(list('category,name\n4,x y\n')).toEqual([{ name: 'x y', category: 'character' }]);
  });

  it('says what is wrong and in which line', () => {
    expect(() => list('')).toThrow(/begins with "", expected columns/);
    expect(() => list('img01.png,"a cat"\n')).toThrow(/begins with "img01.png,a cat"/);
    expect(() => list('name,category\n')).toThrow(/has 0 tags/);
    expect(() => list('name,category\na,0\nb\n')).toThrow(/line 3/);
    expect(() => list('name,category\na,zero\n')).toThrow(/line 2/);
    expect(() => list(`name,category\n${'a'.repeat(501)},0\n`)).toThrow(TagListError);
    expect(() => list('name,category\n"a,0\n')).toThrow(/opens a quote in line 2 .*selected_tags.csv/);
    expect(() => parseTagList(Uint8Array.from([0xff, 0xfe, 0x61]))).toThrow(/not UTF-8/);
    expect(() => parseTagList(new Uint8Array(33 * 2 ** 20))).toThrow(/at most/);
  });
});

describe('spokenTag', () => {
  it('spaces words and leaves faces as they are drawn', () => {
    expect(['long_hair', '1girl', "don't_say", 'k_da_(style)'].map(spokenTag)).toEqual([
      'long hair',
      '1girl',
      "don't say",
      'k da (style)',
    ]);
    for (const face of ['>_<', '0_0', '(o)_(o)', '^_^', '|_|', 'x_x', '+_-', '=_=', '3_3'])
      expect(spokenTag(face)).toBe(face);
  });
});
