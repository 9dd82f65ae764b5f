/** What a name says: kinds of files, kohya's folders, order, and names that are given once. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kohyaFolder } from './folders';
import { folderOf, kindOf, nameOf, stemOf, type FileKind } from './kinds';
import { inNaturalOrder, UniqueNames } from './names';

test.each<[string, string, FileKind]>([
  ['a/b.PNG', '', 'picture'],
  ['IMG_1.HEIC', '', 'picture'],
  ['image', 'image/png', 'picture'],
  ['a.txt', 'text/plain', 'caption'],
  ['a.caption', '', 'caption'],
  ['x/metadata.csv', '', 'table'],
  ['run.toml', '', 'config'],
  ['train.sh', '', 'config'],
  ['Train LoRA.BAT', '', 'config'],
  ['set.ZIP', '', 'zip'],
  ['set.zip/__MACOSX/._a.png', '', 'junk'],
  ['a/._b.png', '', 'junk'],
  ['.DS_Store', '', 'junk'],
  ['Thumbs.db', '', 'junk'],
  ['10_kiko/a_512.npz', '', 'junk'],
  ['model.safetensors', '', 'unknown'],
  ['README', '', 'unknown'],
  ['.png', '', 'junk'],
  ['.ipynb_checkpoints/a-checkpoint.png', '', 'junk'],
  ['set/@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg', '', 'junk'],
  ['..dots.PNG', '', 'picture'],
  ['10_a/..dots.txt', '', 'caption'],
  ['.hidden.png', '', 'junk'],
  ['c.__proto__', '', 'unknown'],
  ['c.constructor', 'image/png', 'picture'],
  ['a.jxl', '', 'picture'],
  ['a.svg', '', 'picture'],
  ['metadata.jsonl', '', 'table'],
])('%s (%s) is %s', (path, mime, kind) => expect(kindOf(path, mime)).toBe(kind));

test.each<[string, number | undefined]>([
  ['10_kiko girl/a.png', 10],
  ['train/5_style/a.png', 5],
  ['10_kiko/2_face/a.png', 2],
  ['10_kiko/face/a.png', 10],
  ['007_bond/a.png', 7],
  ['2024_holiday/a.png', undefined],
  ['0_none/a.png', undefined],
  ['10_/a.png', 10],
  ['3/a.png', undefined],
  ['10_kiko.zip/a.png', undefined],
  ['10_kiko.png', undefined],
  ['-1_x/a.png', undefined],
])('The folders of %s mean %s repeats', (path, repeats) => expect(kohyaFolder(path)?.repeats).toBe(repeats));

test('A path is its folder, its stem and its ending', () => {
  fc.assert(
    fc.property(fc.string(), (path) => {
      expect(folderOf(path) + nameOf(path)).toBe(path);
      expect(path.startsWith(stemOf(path))).toBe(true);
      expect(path.slice(stemOf(path).length)).toMatch(/^(\.[^./]*)?$/);
    }),
  );
  expect([stemOf('a.b/c'), stemOf('a.b/c.tar.gz'), stemOf('a/.png')]).toEqual([
    'a.b/c',
    'a.b/c.tar',
    'a/.png',
  ]);
});

test('2 comes before 10, in every folder', () => {
  const names = ['b/1.png', 'a/10.png', 'a/2.png', 'a/1.png', 'a10/1.png', 'a9/1.png'];
  expect(inNaturalOrder(names, (name) => name)).toEqual([
    'a/1.png',
    'a/2.png',
    'a/10.png',
    'a9/1.png',
    'a10/1.png',
    'b/1.png',
  ]);
});

test('Every name is given once, whatever was asked for, and its ending stays', () => {
  const some = fc.constantFrom(
    'a.png',
    'A.PNG',
    'a-2.png',
    'a',
    '.png',
    'e\u0301.png',
    '\u00e9.png',
    'b.tar.gz',
  );
  fc.assert(
    fc.property(fc.array(some), fc.array(some), (taken, asked) => {
      const names = new UniqueNames(taken);
      const given = asked.map((name) => names.take(name));
      const keys = given.map((name) => name.normalize('NFC').toLowerCase());
      const before = new Set(taken.map((name) => name.normalize('NFC').toLowerCase()));
      expect(new Set(keys).size).toBe(keys.length);
      expect(keys.some((key) => before.has(key))).toBe(false);
      given.forEach((name, i) =>
        expect(name.slice(stemOf(name).length)).toBe(asked[i].slice(stemOf(asked[i]).length)),
      );
    }),
  );
  const names = new UniqueNames(['1.png']);
  expect([names.take('1.png'), names.take('1.png'), names.take('2.png')]).toEqual([
    '1-2.png',
    '1-3.png',
    '2.png',
  ]);
});
