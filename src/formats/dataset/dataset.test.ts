/** Every folder of the table means what the table says; sentences in both languages; linear in the number of files. */
import { expect, test } from 'vitest';
import { cpuMilliseconds } from '../../cpu_time.testing';
import { captionNotes, readDataset, type DatasetChoices } from './dataset';
import { folderCases, type FolderCase } from './folders.testing';
import { UniqueNames } from './names';
import { noteWords } from './notes';

async function read({ files, modified = {}, choices }: Pick<FolderCase, 'files' | 'modified' | 'choices'>) {
  const found = Object.keys(files).map((path) => ({
    path,
    ...(modified[path] !== undefined && { modified: modified[path] * 1000 }),
  }));
  const bytesOf = async (path: string): Promise<Uint8Array> => {
    const content = files[path];
    if (content === undefined) throw new Error(`there is no ${path}`);
    return typeof content === 'string' ? new TextEncoder().encode(content) : content;
  };
  return readDataset(found, bytesOf, choices);
}

test('The table has at least forty kinds', () => {
  expect(new Set(folderCases.map(({ what }) => what)).size).toBe(folderCases.length);
  expect(folderCases.length).toBeGreaterThanOrEqual(40);
});

test.each(folderCases.map((each) => [each.what, each] as const))('%s', async (_, folder) => {
  const set = await read(folder);
  expect(set.pictures.map(({ path, caption, repeats }) => [path, caption, repeats])).toEqual(folder.pictures);
  expect(Object.fromEntries(set.setAside.map(({ path, why }) => [path, why]))).toEqual(folder.aside ?? {});
  const unsaid = ['trigger', 'no-caption', 'class-words'];
  expect(set.notes.map(({ kind }) => kind).filter((kind) => !unsaid.includes(kind))).toEqual(
    folder.notes ?? [],
  );
  expect(Object.keys(set.questions)).toEqual(folder.asks ?? []);
  expect(set.trigger?.words).toBe(folder.trigger);
  for (const note of set.notes) {
    const { en, zh } = noteWords(note);
    expect(en).toMatch(/^\S.*[.”]$/s);
    expect(zh).toMatch(/\p{Script=Han}.*[。”]$/su);
  }
});

const files = (names: readonly string[], text = '') => Object.fromEntries(names.map((name) => [name, text]));

test('Where a caption comes from, and where a picture belongs', async () => {
  const set = await read({
    files: {
      ...files(['img/10_sks cat/a.png', 'img/10_sks cat/b.png', 'c.png']),
      'img/10_sks cat/b.txt': 'asleep',
    },
  });
  expect(set.pictures).toEqual([
    { path: 'c.png', caption: '', repeats: 1, subset: '' },
    {
      path: 'img/10_sks cat/a.png',
      caption: 'sks cat',
      repeats: 10,
      subset: 'img/10_sks cat',
      classWords: 'sks cat',
    },
    {
      path: 'img/10_sks cat/b.png',
      caption: 'asleep',
      captionFrom: 'img/10_sks cat/b.txt',
      repeats: 10,
      subset: 'img/10_sks cat',
      classWords: 'sks cat',
    },
  ]);
});

test('What shows nothing is no caption; pictures captioned after a folder are named', async () => {
  const set = await read({
    files: {
      ...files(['a.png', 'b.png', '5_zk/c.png']),
      'a.txt': '\u200b\n \u2060',
      'metadata.csv': 'b.png,\ufeff',
    },
  });
  expect(set.pictures.map(({ caption }) => caption)).toEqual(['zk', '', '']);
  const notes = captionNotes(set.pictures).map((note) => noteWords(note).en);
  expect(notes).toEqual([
    '1 picture has no caption and is captioned “zk”, after the folder: 5_zk/c.png.',
    '2 images have no caption: a.png, b.png.',
  ]);
});

test('Captions of pictures that are not here are handed on: a page may have the pictures', async () => {
  const set = await read({ files: { 'a.txt': 'one', 'metadata.csv': 'b.png,two\n' } });
  expect(set.pictures).toEqual([]);
  expect(set.alone).toMatchObject({
    sidecars: [{ path: 'a.txt', text: 'one' }],
    tables: [{ path: 'metadata.csv', rows: [{ file: 'b.png', text: 'two' }] }],
  });
});

test('Settings, zips and what is neither are told apart by content', async () => {
  const set = await read({
    files: {
      'run.yaml': 'x: 1',
      'run.json': '{"epochs": 2}',
      'captions.json': '[{"image": "a.png", "caption": "one"}]',
      'a.png': '',
      'a.json': '{"tags": ["x"]}',
      'selected_tags.csv': 'tag_id,name,category,count\n1,x,0,5\n',
      'set.zip': 'PK',
      README: '',
    },
  });
  expect([set.configs, set.zips, set.unknown]).toEqual([
    ['run.yaml', 'run.json'],
    ['set.zip'],
    ['README', 'selected_tags.csv', 'a.json'],
  ]);
  expect(set.pictures[0].caption).toBe('one');
});

test('A table that is chosen holds alone, with names from the set', async () => {
  const choices: DatasetChoices = { metadata: '/elsewhere/table.csv' };
  const set = await read({
    files: {
      'sub/a.png': '',
      'sub/a.txt': 'no',
      'b.png': '',
      'b.txt': 'its file',
      'metadata.csv': 'sub/a.png,also no\n',
      '/elsewhere/table.csv': 'sub/a.png,yes\n',
    },
    choices,
  });
  expect(set.pictures.map(({ path, caption }) => [path, caption])).toEqual([
    ['b.png', 'its file'],
    ['sub/a.png', 'yes'],
  ]);
});

test('A long table in GBK can be read as GBK: what is shown ends with a line, not within a letter', async () => {
  // a.png,水墨 has 11 bytes with its line feed: some of these beginnings would be cut within a letter.
  const row = [...new TextEncoder().encode('a.png,'), 0xcb, 0xae, 0xc4, 0xab, 0x0a];
  for (let length = 0; length < 11; length++) {
    const first = [...new TextEncoder().encode(`${'x'.repeat(length)}file_name,text\n`)];
    const bytes = Uint8Array.from([...first, ...Array.from({ length: 600 }, () => row).flat()]);
    const set = await read({ files: { 'metadata.csv': bytes, 'a.png': '' } });
    expect(set.questions.encoding?.previews.map(({ encoding }) => encoding)).toContain('gbk');
  }
});

test('The questions show what there is to choose from', async () => {
  const gbk = Uint8Array.of(0xd2, 0xbb, 0xd6, 0xbb, 0xc3, 0xa8);
  const set = await read({
    files: { 'a.png': '', 'a.txt': gbk, 'b.png': '', 'b.txt': 'old', 'metadata.csv': 'b.png,new\n' },
    modified: { 'b.txt': 1, 'metadata.csv': 100 },
  });
  expect(set.questions.encoding?.files).toEqual(['a.txt']);
  expect(set.questions.encoding?.previews[0]).toEqual({ encoding: 'gbk', texts: ['一只猫'] });
  expect(set.questions.twoSources).toEqual([
    {
      picture: 'b.png',
      because: 'newer',
      sources: [
        { path: 'metadata.csv', text: 'new', modified: 100_000 },
        { path: 'b.txt', text: 'old', modified: 1000 },
      ],
    },
  ]);
  expect(set.notes.map((note) => noteWords(note).en)).toContain(
    '1 picture has two captions that differ, as b.png: metadata.csv says “new”, taken; b.txt says “old” (the newer file is taken).',
  );
});

/** Pictures of one name in as many folders, or of as many names; captions beside them and in a table. */
function many(count: number, oneName: boolean) {
  const names = Array.from({ length: count }, (_, i) => (oneName ? `d${i}/1` : `set/img${i}`));
  return {
    files: {
      ...files(names.map((name) => `${name}.png`)),
      ...files(
        names.map((name) => `${name}.txt`),
        'a cat',
      ),
      ...files(
        names.map((name) => `old/${name}.caption`),
        'elsewhere',
      ),
      'metadata.csv': names.map((name) => `${name}.jpg,"a dog"\n`).join(''),
    },
  };
}

test.each([
  ['of as many names', false],
  ['of one name', true],
] as const)(
  'Four times the pictures %s take four times as long, not sixteen',
  { retry: 2, timeout: 60_000 },
  async (_, oneName) => {
    const time = async (count: number) => {
      const set = many(count, oneName);
      const names = new UniqueNames();
      const start = cpuMilliseconds();
      const { pictures } = await read(set);
      for (const { path } of pictures) names.take(path.slice(path.lastIndexOf('/') + 1));
      expect(pictures).toHaveLength(count);
      return cpuMilliseconds() - start;
    };
    await time(500);
    const few = Math.min(await time(2500), await time(2500));
    const all = Math.min(await time(10_000), await time(10_000));
    expect(all / few).toBeLessThan(9);
  },
);
