/** Captions find their pictures: by stem, by name, across folders only where there is no doubt. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pairCaptions } from './import_captions';

const sidecar = (path: string) => ({ path, text: `from ${path}` });
const table = (path: string, ...files: string[]) => ({
  path,
  rows: files.map((file) => ({ file, text: `row ${file}` })),
});
const found = (of: ReturnType<typeof pairCaptions>) => Object.fromEntries(of.captions);

test('A sidecar belongs to the picture of its stem in its folder', () => {
  const of = pairCaptions(['a/1.png', 'b/1.jpg', 'a/2.webp'], [sidecar('a/1.txt'), sidecar('b/1.txt')], []);
  expect(found(of)).toEqual({ 'a/1.png': 'from a/1.txt', 'b/1.jpg': 'from b/1.txt' });
  expect(of.sidecars).toEqual([]);
});

test('In another folder it belongs to the only picture of that name, and to none of two', () => {
  const pictures = ['images/1.png', 'images/2.png', 'more/2.png'];
  const of = pairCaptions(pictures, [sidecar('captions/1.txt'), sidecar('captions/2.txt')], []);
  expect(found(of)).toEqual({ 'images/1.png': 'from captions/1.txt' });
  expect(of.sidecars).toEqual([sidecar('captions/2.txt')]);
});

test('Two pictures of one stem in one folder share its sidecar, as in every trainer', () => {
  expect(found(pairCaptions(['1.png', '1.jpg'], [sidecar('1.txt')], []))).toEqual({
    '1.png': 'from 1.txt',
    '1.jpg': 'from 1.txt',
  });
});

test('Names are compared over Unicode forms, case and the full name with .txt behind', () => {
  const of = pairCaptions(
    ['e\u0301.png', 'B.PNG', 'c.png'],
    [sidecar('\u00e9.txt'), sidecar('b.txt'), sidecar('c.png.txt')],
    [],
  );
  expect(found(of)).toEqual({
    'e\u0301.png': 'from \u00e9.txt',
    'B.PNG': 'from b.txt',
    'c.png': 'from c.png.txt',
  });
});

test('.txt holds against .caption, and metadata.csv against both', () => {
  const of = pairCaptions(
    ['1.png', '2.png', '3.png'],
    [
      sidecar('1.txt'),
      sidecar('1.caption'),
      sidecar('2.caption'),
      sidecar('2.txt'),
      sidecar('3.caption'),
      sidecar('3.txt'),
    ],
    [table('metadata.csv', '3.png')],
  );
  expect(found(of)).toEqual({ '1.png': 'from 1.txt', '2.png': 'from 2.txt', '3.png': 'row 3.png' });
});

test('Rows name files from the folder of their table, in folders of theirs, or by name alone', () => {
  const pictures = [
    'set/1.png',
    'set/sub/2.png',
    'set/other/3.png',
    'set/4.webp',
    'set/a/5.png',
    'set/b/5.png',
  ];
  const rows = ['1.png', 'sub\\2.png', 'train/3.png', '4.jpg', '5.png', '6.png'];
  const of = pairCaptions(pictures, [], [table('set/metadata.csv', ...rows)]);
  expect(found(of)).toEqual({
    'set/1.png': 'row 1.png',
    'set/sub/2.png': 'row sub\\2.png',
    'set/other/3.png': 'row train/3.png',
    'set/4.webp': 'row 4.jpg',
  });
  expect(of.tables).toEqual([table('set/metadata.csv', '5.png', '6.png')]);
});

test('No caption is lost: each sidecar was given or is left over, and only one of its own name is given', () => {
  const stem = fc.constantFrom('1', '2', 'a/1', 'a/2', 'b/1', 'constructor', '__proto__');
  const named = (ending: string) => fc.uniqueArray(stem.map((each) => `${each}.${ending}`));
  fc.assert(
    fc.property(named('png'), named('txt'), (pictures, texts) => {
      const of = pairCaptions(pictures, texts.map(sidecar), []);
      const given = new Set(of.captions.values());
      for (const text of texts) {
        const left = of.sidecars.some(({ path }) => path === text);
        const beside = pictures.includes(text.replace('.txt', '.png'));
        if (beside) expect(of.captions.get(text.replace('.txt', '.png'))).toBeDefined();
        if (!left) continue;
        expect(given.has(`from ${text}`)).toBe(false);
        expect(beside).toBe(false);
      }
      for (const [picture, text] of of.captions) {
        expect(text.replace(/^from (.*\/)?|\.txt$/g, '')).toBe(picture.replace(/^(.*\/)?|\.png$/g, ''));
      }
    }),
  );
});
