/** Captions find their pictures: by stem, by name, across folders only where there is no doubt. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pairCaptions } from './pairing';

const sidecar = (path: string) => ({ path, text: `from ${path}` });
const table = (path: string, ...files: string[]) => ({
  path,
  rows: files.map((file, i) => ({ file, text: `row ${file}`, line: i + 1 })),
});
const found = ({ sources }: Awaited<ReturnType<typeof pairCaptions>>) =>
  Object.fromEntries([...sources].map(([picture, [{ text }]]) => [picture, text]));

test('A sidecar belongs to the picture of its stem in its folder', async () => {
  const of = await pairCaptions(
    ['a/1.png', 'b/1.jpg', 'a/2.webp'],
    [sidecar('a/1.txt'), sidecar('b/1.txt')],
    [],
  );
  expect(found(of)).toEqual({ 'a/1.png': 'from a/1.txt', 'b/1.jpg': 'from b/1.txt' });
  expect(of.sidecars).toEqual([]);
});

test('In another folder it belongs to the only picture of that name, and to none of two', async () => {
  const pictures = ['images/1.png', 'images/2.png', 'more/2.png'];
  const of = await pairCaptions(pictures, [sidecar('captions/1.txt'), sidecar('captions/2.txt')], []);
  expect(found(of)).toEqual({ 'images/1.png': 'from captions/1.txt' });
  expect(of.sidecars).toEqual([sidecar('captions/2.txt')]);
});

test('Two pictures of one stem in one folder share its sidecar, as in every trainer', async () => {
  expect(found(await pairCaptions(['1.png', '1.jpg'], [sidecar('1.txt')], []))).toEqual({
    '1.png': 'from 1.txt',
    '1.jpg': 'from 1.txt',
  });
});

test('Names are compared over Unicode forms, case and the full name with .txt behind', async () => {
  const of = await pairCaptions(
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

test('Rows name files from the folder of their table, in folders of theirs, or by name alone', async () => {
  const pictures = [
    'set/1.png',
    'set/sub/2.png',
    'set/other/3.png',
    'set/4.webp',
    'set/a/5.png',
    'set/b/5.png',
  ];
  const rows = ['1.png', 'sub\\2.png', 'train/3.png', '4.jpg', '5.png', '6.png'];
  const of = await pairCaptions(pictures, [], [table('set/metadata.csv', ...rows)]);
  expect(found(of)).toEqual({
    'set/1.png': 'row 1.png',
    'set/sub/2.png': 'row sub\\2.png',
    'set/other/3.png': 'row train/3.png',
    'set/4.webp': 'row 4.jpg',
  });
  expect(of.tables).toMatchObject([{ rows: [{ file: '5.png' }, { file: '6.png' }] }]);
});

test('No caption is lost: each sidecar was given or is left over, and only one of its own name is given', async () => {
  const stem = fc.constantFrom('1', '2', 'a/1', 'a/2', 'b/1', 'constructor', '__proto__');
  const named = (ending: string) => fc.uniqueArray(stem.map((each) => `${each}.${ending}`));
  await fc.assert(
    fc.asyncProperty(named('png'), named('txt'), async (pictures, texts) => {
      const of = await pairCaptions(pictures, texts.map(sidecar), []);
      const given = new Set(Object.values(found(of)));
      for (const text of texts) {
        const left = of.sidecars.some(({ path }) => path === text);
        const beside = pictures.includes(text.replace('.txt', '.png'));
        if (beside) expect(of.sources.get(text.replace('.txt', '.png'))).toBeDefined();
        if (!left) continue;
        expect(given.has(`from ${text}`)).toBe(false);
        expect(beside).toBe(false);
      }
      for (const [picture, text] of Object.entries(found(of))) {
        expect(text.replace(/^from (.*\/)?|\.txt$/g, '')).toBe(picture.replace(/^(.*\/)?|\.png$/g, ''));
      }
    }),
  );
});
