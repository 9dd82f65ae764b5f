/**
 * The dataset over a fake IndexedDB: what a drop becomes, what is saved, what can be undone. Pictures are text files
 * ("640 480 <look>") that a reader of this test understands; real ones are read in the browser's journeys.
 */
import '../../storage/fake_indexeddb.testing';
import { afterEach, expect, test, vi } from 'vitest';
import { readProject, writeProject } from '../../formats/zip/project_file';
import { openZip } from '../../formats/zip/zip';
import { writeZip } from '../../formats/zip/zip_write';
import type { PictureReading } from '../../protocol/pictures';
import { getImage, listPictures } from '../../storage/pictures';
import { Dataset } from './dataset.svelte';
import type { Outcome } from './import/outcome';
import type { Pool } from '../engine/pool';

afterEach(() => void vi.restoreAllMocks());

let projects = 0;
let looks = 0;

test('Pictures come with captions, repeats and order, and are there after a reload', async () => {
  const dataset = await opened();
  const outcome = await add(dataset, {
    'train/10_kiko/10.png': shot(),
    'train/10_kiko/2.png': shot(),
    'train/10_kiko/2.txt': 'kiko smiles',
    'train/5_style/2.png': shot(),
    'metadata.csv': 'train/5_style/2.png,"ink, brush"\n',
    '.DS_Store': 'x',
  });
  const seen = dataset.pictures.map(({ name, caption, repeats }) => [name, caption, repeats]);
  // 5_style sorts before 10_kiko, and 2 before 10.
  expect(seen).toEqual([
    ['2.png', 'ink, brush', 5],
    ['2-2.png', 'kiko smiles', 10],
    // Class words stand in.
    ['10.png', 'kiko', 10],
  ]);
  expect(outcome).toMatchObject({ added: 3, captioned: 2, rejects: [] });
  expect(outcome.notes.filter(({ kind }) => kind === 'repeats')).toEqual([
    { kind: 'repeats', folder: 'train/5_style', repeats: 5, pictures: 1 },
    { kind: 'repeats', folder: 'train/10_kiko', repeats: 10, pictures: 2 },
  ]);
  const again = new Dataset(
    () => false,
    () => '',
    () => textPool(),
  );
  await again.load(dataset.project ?? '');
  expect(again.pictures).toEqual(dataset.pictures);
  expect(await (await getImage(again.pictures[0].id))?.text()).toMatch(/^640 480/);
});

test('A zip is taken apart like a folder; what is wrong with it is told', async () => {
  const dataset = await opened();
  const contents = {
    'a.png': shot(),
    'a.txt': 'from the zip',
    '__MACOSX/._a.png': 'junk',
    '../evil.png': shot(),
    'more.zip': 'PK',
  };
  const archive = await writeZip(
    Object.entries(contents).map(([path, text]) => ({ path, file: new Blob([text]) })),
  );
  const file = new File([archive], 'set.zip');
  const outcome = await taken(dataset.add([file, new File(['no zip at all'], 'broken.zip')]));
  expect(dataset.pictures.map(({ name, caption }) => [name, caption])).toEqual([['a.png', 'from the zip']]);
  expect(reasons(outcome)).toEqual({
    zip: ['set.zip/../evil.png unsafe-name', 'broken.zip not-zip'],
    'zip-in-zip': ['set.zip/more.zip'],
  });
});

test('Rejects are grouped by reason, and do not keep the rest out', async () => {
  const dataset = await opened();
  const outcome = await add(dataset, {
    'a.heic': 'heic',
    'b.heic': 'heic',
    'small.png': 'too-small',
    'notes.docx': 'x',
    'good.png': shot(),
    'lonely.txt': 'whose?',
    'metadata.csv': 'good.png,"never closed\n',
    'photo_list.csv': 'a,b,c,d\n1,2,3,4\n',
    'run.toml': 'x = 1',
  });
  expect(dataset.pictures.map(({ name }) => name)).toEqual(['good.png']);
  expect(reasons(outcome)).toEqual({
    heic: ['a.heic', 'b.heic'],
    'too-small': ['small.png'],
    'unknown-type': ['notes.docx', 'photo_list.csv', 'run.toml'],
    'caption-file': ['metadata.csv unclosed-quote'],
    'caption-alone': ['lonely.txt'],
  });
});

test('Configuration files are handed on where somebody takes them', async () => {
  const dataset = await opened();
  const configs: string[] = [];
  const files = ['run.yaml', 'a.toml', 'b.json'].map((name) => new File(['x'], name));
  const outcome = await taken(dataset.add(files, (file) => configs.push(file.name)));
  expect(configs).toEqual(['run.yaml', 'a.toml', 'b.json']);
  expect(outcome).toMatchObject({ configs: 3, added: 0, rejects: [] });
});

test('Copies are set aside with the reason; the same file again is not taken twice', async () => {
  const dataset = await opened();
  const [one, near] = [shot('00000000000000f0'), shot('00000000000000f3')];
  const outcome = await add(dataset, { 'a.png': one, 'b.png': one, 'c.png': near, 'd.png': shot() });
  expect(dataset.pictures.map(({ aside }) => aside)).toEqual([
    undefined,
    'duplicate',
    'near-duplicate',
    undefined,
  ]);
  expect(outcome).toMatchObject({ added: 4, duplicates: 1, nearDuplicates: 1, already: 0 });
  expect(dataset.used.map(({ name }) => name)).toEqual(['a.png', 'd.png']);

  const again = await add(dataset, { 'a.png': one, 'a.txt': 'now with words', 'e.png': one });
  expect(again).toMatchObject({ added: 1, duplicates: 1, already: 1, captioned: 1 });
  expect(dataset.pictures.map(({ name, caption }) => name + caption)).toEqual([
    'a.pngnow with words',
    'b.png',
    'c.png',
    'd.png',
    'e.png',
  ]);
  dataset.bringBack([dataset.setAsides[1].id]);
  expect(dataset.used.map(({ name }) => name)).toEqual(['a.png', 'c.png', 'd.png']);
});

test('Of copies that come together the captioned one is used, then the largest; undo uses the first', async () => {
  const dataset = await opened();
  const look = (bits: string) => bits.padStart(16, 'a');
  const twin = shot();
  await add(dataset, {
    '1_small.png': `640 480 ${look('f0')}`,
    '2_large.png': `1280 960 ${look('f1')}`,
    '3_captioned.png': `320 240 ${look('f3')}`,
    '3_captioned.txt': 'a lake',
    '4_same.png': twin,
    '5_same.png': twin,
    '5_same.txt': 'a hill',
    '6_small.png': `100 100 ${look('0f0')}`,
    '7_large.png': `200 200 ${look('0f1')}`,
  });
  const used = () => dataset.used.map(({ name }) => name);
  expect(used()).toEqual(['3_captioned.png', '5_same.png', '7_large.png']);
  expect(dataset.setAsides.map(({ name, aside }) => [name, aside])).toEqual([
    ['1_small.png', 'near-duplicate'],
    ['2_large.png', 'near-duplicate'],
    ['4_same.png', 'duplicate'],
    ['6_small.png', 'near-duplicate'],
  ]);
  dataset.undo();
  expect(used()).toEqual(['1_small.png', '4_same.png', '6_small.png']);
});

test('A better copy of a picture that is there already does not push it out', async () => {
  const dataset = await opened();
  await add(dataset, { 'a.png': '640 480 00000000000000f0' });
  await add(dataset, { 'b.png': '6400 4800 00000000000000f1', 'b.txt': 'a lake' });
  expect(dataset.used.map(({ name }) => name)).toEqual(['a.png']);
});

test('Text and names that say no encoding are asked about once, for this import', async () => {
  const dataset = await opened();
  const archive = await zipOf({ 'xxxx.png': shot(), 'xxxx.txt': gbk('水墨') });
  // 图片 in GBK, in place of the four letters.
  for (const at of placesOf(archive, 'xxxx')) archive.set([0xcd, 0xbc, 0xc6, 0xac], at);
  const adding = dataset.add([
    new File([archive], 'set.zip'),
    new File([shot()], 'b.png'),
    new File([gbk('墨水')], 'b.txt'),
  ]);
  const question = await asked(dataset);
  expect(question).toMatchObject({ kind: 'encoding', captions: 2, names: 2 });
  const previews = question?.kind === 'encoding' ? question.previews : [];
  const inGbk = previews.find(({ encoding }) => encoding === 'gbk')?.texts.toSorted();
  expect(inGbk).toEqual(['图片.png', '图片.txt', '墨水', '水墨'].sort());
  expect(dataset.pictures).toEqual([]);
  dataset.answer({ encoding: 'gbk' });
  const outcome = await taken(adding);
  expect(dataset.asking).toBeUndefined();
  expect(dataset.pictures.map(({ name, caption }) => [name, caption])).toEqual([
    ['b.png', '墨水'],
    ['图片.png', '水墨'],
  ]);
  expect(outcome.notes.map(({ kind }) => kind)).toEqual(['encoding']);
});

test('Without an encoding the captions stay out, and are named; without an answer nothing is added', async () => {
  const files = () => [new File([shot()], 'a.png'), new File([gbk('水墨')], 'a.txt')];
  const dataset = await opened();
  const adding = dataset.add(files());
  await asked(dataset);
  dataset.answer({});
  const outcome = await taken(adding);
  expect(dataset.pictures.map(({ name, caption }) => [name, caption])).toEqual([['a.png', '']]);
  expect(reasons(outcome)).toEqual({ 'caption-file': ['a.txt encoding'] });

  const other = await opened();
  const ended = other.add(files());
  await asked(other);
  other.answer();
  expect(await ended).toMatchObject({ added: 0, stopped: { by: 'person' } });
  expect(other.pictures).toEqual([]);
});

test.each([
  ['newer', 'from the file'],
  ['tables', 'from the table'],
  ['sidecars', 'from the file'],
] as const)('Of two captions that differ, %s counts', async (prefer, caption) => {
  const dataset = await opened();
  const at = (seconds: number) => ({ lastModified: 1_700_000_000_000 + 1000 * seconds });
  const adding = dataset.add([
    new File([shot()], 'a.png', at(0)),
    new File(['from the file'], 'a.txt', at(60)),
    new File(['a.png,from the table\n'], 'metadata.csv', at(0)),
  ]);
  const question = await asked(dataset);
  expect(question?.kind === 'two-sources' && question.of).toMatchObject([
    { picture: 'a.png', because: 'newer', sources: [{ path: 'a.txt' }, { path: 'metadata.csv' }] },
  ]);
  dataset.answer({ prefer });
  const outcome = await taken(adding);
  expect(dataset.pictures.map((each) => each.caption)).toEqual([caption]);
  expect(outcome.notes.map(({ kind }) => kind)).toEqual(['two-captions']);
});

test('Regularisation pictures and masks are said, and not added', async () => {
  const dataset = await opened();
  const outcome = await add(dataset, {
    'set/img/5_zk cat/a.png': shot(),
    'set/reg/1_cat/b.png': shot(),
    'set/masks/a.png': shot(),
  });
  expect(dataset.pictures.map(({ name, caption, repeats }) => [name, caption, repeats])).toEqual([
    ['a.png', 'zk cat', 5],
  ]);
  const aside = outcome.notes.flatMap((note) => (note.kind === 'aside' ? [[note.why, note.pictures]] : []));
  expect(aside).toEqual([
    ['mask', ['set/masks/a.png']],
    ['regularisation', ['set/reg/1_cat/b.png']],
  ]);
  expect(outcome.trigger).toEqual({ words: 'zk cat', from: 'folder' });
});

test('Class words stand in for no caption, and never in place of one', async () => {
  const dataset = await opened();
  const one = shot();
  await add(dataset, { '10_cat/a.png': one });
  dataset.change([dataset.pictures[0].id], { caption: 'a grey cat' });
  const again = await add(dataset, { '3_cat/a.png': one });
  expect(again).toMatchObject({ already: 1, captioned: 0 });
  expect(dataset.pictures).toMatchObject([{ caption: 'a grey cat', repeats: 3 }]);
});

test('Files of a data set are no settings; settings are, and a data set’s TOML alone', async () => {
  const dataset = await opened();
  const toml = '[[datasets]]\n[[datasets.subsets]]\nimage_dir = "cats"\nnum_repeats = 7\n';
  const configs: string[] = [];
  const take = (files: Record<string, string>) =>
    taken(dataset.add(filesOf(files), (file) => configs.push(file.name)));
  const outcome = await take({
    'set/cats/a.png': shot(),
    'set/b.png': shot(),
    'set/meta_cap.json': '{"cats/a.png": {"caption": "a cat"}}',
    'set/metadata.jsonl': '{"file_name": "b.png", "text": "a bee"}\n',
    'set/config.json': '{"learning_rate": 0.0001, "network_dim": 8}',
    'set/dataset.toml': toml,
  });
  expect(configs).toEqual(['config.json']);
  expect(dataset.pictures.map(({ caption, repeats }) => [caption, repeats])).toEqual([['a cat', 7]]);
  expect(outcome.notes.map(({ kind }) => kind)).toEqual(['toml', 'repeats', 'aside']);
  expect(outcome.rejects).toEqual([]);
  await take({ 'dataset.toml': toml });
  expect(configs).toEqual(['config.json', 'dataset.toml']);
  // A broken one beside pictures is told there, and opens no settings.
  const broken = toml.replace('"cats"', '"C:\\cats"').replace('= 7', '7');
  const told = await take({ 'more/c.png': shot(), 'more/set.toml': broken });
  expect(told.notes.map(({ kind }) => kind)).toContain('toml-broken');
  await take({ 'alone.toml': broken });
  expect(configs).toEqual(['config.json', 'dataset.toml', 'alone.toml']);
});

test('What is too large is told by its size, and never opened', async () => {
  const dataset = await opened();
  const huge = (name: string) => {
    const file = new File(['x'], name);
    file.arrayBuffer = () => Promise.reject(new Error('It was opened.'));
    return Object.defineProperty(file, 'size', { value: 600 * 2 ** 20 });
  };
  const outcome = await taken(dataset.add([huge('a.png'), huge('b.txt'), new File([shot()], 'c.png')]));
  expect(dataset.pictures.map(({ name }) => name)).toEqual(['c.png']);
  expect(reasons(outcome)).toEqual({ 'caption-file': ['b.txt too-large'], 'too-large': ['a.png'] });
});

test('Captions that come later find the pictures that are there, as one step', async () => {
  const dataset = await opened();
  await add(dataset, { 'a.png': shot(), 'b.png': shot() });
  const outcome = await add(dataset, { 'metadata.csv': 'a.png,first\nx.png,nobody\n', 'b.txt': 'second' });
  expect(dataset.pictures.map(({ caption }) => caption)).toEqual(['first', 'second']);
  expect(outcome).toMatchObject({ captioned: 2, added: 0 });
  expect(reasons(outcome)).toEqual({ 'caption-alone': ['x.png'] });
  dataset.undo();
  expect(dataset.pictures.map(({ caption }) => caption)).toEqual(['', '']);
  expect([dataset.canUndo, dataset.canRedo]).toEqual([false, true]);
});

test('A change of many is one step, is saved, and undone is saved too', async () => {
  const dataset = await opened();
  await add(dataset, { 'a.png': shot(), 'b.png': shot(), 'c.png': shot() });
  const ids = dataset.pictures.map(({ id }) => id);
  expect(dataset.change(ids, ({ name }) => (name === 'c.png' ? undefined : { caption: name }))).toBe(2);
  expect(dataset.change(ids, { repeats: 1 })).toBe(0);
  await dataset.flush();
  expect(await stored(dataset)).toEqual(['a.png', 'b.png', '']);
  expect(dataset.undo()).toEqual(ids.slice(0, 2));
  await dataset.flush();
  expect(await stored(dataset)).toEqual(['', '', '']);
  expect(dataset.redo()).toHaveLength(2);
  await dataset.flush();
  expect(await stored(dataset)).toEqual(['a.png', 'b.png', '']);
});

test('Typing is one step until it is settled', async () => {
  const dataset = await opened();
  await add(dataset, { 'a.png': shot() });
  const [{ id }] = dataset.pictures;
  for (const caption of ['c', 'ca', 'cat']) dataset.change([id], { caption }, `type ${id}`);
  dataset.settle();
  for (const caption of ['cat,', 'cat, dog']) dataset.change([id], { caption }, `type ${id}`);
  dataset.undo();
  expect(dataset.pictures[0].caption).toBe('cat');
  dataset.undo();
  expect(dataset.pictures[0].caption).toBe('');
});

test('Changes are saved a moment after the last one, without being asked', async () => {
  const dataset = await opened();
  await add(dataset, { 'a.png': shot() });
  dataset.change([dataset.pictures[0].id], { caption: 'soon' });
  expect(await stored(dataset)).toEqual(['']);
  await vi.waitFor(async () => expect(await stored(dataset)).toEqual(['soon']), { timeout: 3000 });
});

test('What cannot be saved is told, kept and saved with the next change', async () => {
  const dataset = await opened();
  await add(dataset, { 'a.png': shot(), 'b.png': shot() });
  const [a, b] = dataset.pictures;
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
    throw new DOMException('full', 'QuotaExceededError');
  });
  dataset.change([a.id], { caption: 'one' });
  await dataset.flush();
  expect(dataset.trouble).toMatch(/no room left/);
  vi.restoreAllMocks();
  dataset.change([b.id], { caption: 'two' });
  await dataset.flush();
  expect(dataset.trouble).toBeUndefined();
  expect(await stored(dataset)).toEqual(['one', 'two']);
});

test('A write that fails late does not bring an old caption back over a newer one', async () => {
  const dataset = await opened();
  await add(dataset, { 'a.png': shot() });
  const [{ id }] = dataset.pictures;
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementationOnce(() => {
    throw new DOMException('full', 'QuotaExceededError');
  });
  dataset.change([id], { caption: 'old' });
  const first = dataset.flush();
  dataset.change([id], { caption: 'new' });
  await Promise.all([first, dataset.flush()]);
  await dataset.flush();
  expect(await stored(dataset)).toEqual(['new']);
});

test('A change of a picture that is removed while it is saved does not bring it back', async () => {
  const dataset = await opened();
  await add(dataset, { 'a.png': shot() });
  const [{ id }] = dataset.pictures;
  dataset.change([id], { caption: 'x' });
  const saving = dataset.flush();
  await Promise.all([dataset.remove([id]), saving]);
  await dataset.flush();
  expect(await stored(dataset)).toEqual([]);
});

test('Without room an import ends with its sentence; what was added before stays', async () => {
  const dataset = await opened();
  await add(dataset, { 'a.png': shot() });
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
    throw new DOMException('full', 'QuotaExceededError');
  });
  const outcome = await add(dataset, { 'b.png': shot() });
  expect(outcome).toMatchObject({ added: 0, stopped: { by: 'error' } });
  expect(outcome.stopped?.by === 'error' && outcome.stopped.error.message).toMatch(/no room left/);
  expect([dataset.pictures.length, dataset.adding.state]).toEqual([1, 'idle']);
});

test('Removed pictures are gone from storage, and undoing does not bring them back', async () => {
  const dataset = await opened();
  await add(dataset, { 'a.png': shot(), 'b.png': shot() });
  const [a] = dataset.pictures;
  dataset.change([a.id], { caption: 'x' });
  await dataset.remove([a.id]);
  dataset.undo();
  await dataset.flush();
  expect((await listPictures(dataset.project ?? '')).map(({ name }) => name)).toEqual(['b.png']);
  expect(await getImage(a.id)).toBeUndefined();
});

test('Opening another project ends an import and shows only its own pictures', async () => {
  const dataset = new Dataset(
    () => false,
    () => '',
    () => textPool(5),
  );
  const first = `project ${projects++}`;
  await dataset.load(first);
  const files = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`${i}.png`, shot()]));
  const adding = add(dataset, files);
  await vi.waitFor(() => expect(dataset.pictures.length).toBeGreaterThan(30));
  await dataset.load('elsewhere');
  const outcome = await adding;
  expect(outcome.stopped).toEqual({ by: 'person' });
  expect(dataset.pictures).toEqual([]);
  expect(outcome.added).toBeLessThan(400);
  expect((await listPictures(first)).length).toBe(outcome.added);
  expect(await listPictures('elsewhere')).toEqual([]);
});

test('Two drops at once are taken one after the other', async () => {
  const dataset = await opened();
  const same = shot();
  const both = await Promise.all([
    add(dataset, { '1.png': same }),
    add(dataset, { '1.png': shot(), '2.png': same }),
  ]);
  expect(both.map(({ added }) => added)).toEqual([1, 2]);
  expect(dataset.pictures.map(({ name, aside }) => [name, aside])).toEqual([
    ['1.png', undefined],
    ['1-2.png', undefined],
    ['2.png', 'duplicate'],
  ]);
});

test('In a tab that only looks nothing changes', async () => {
  let readOnly = false;
  const dataset = await opened(() => readOnly);
  await add(dataset, { 'a.png': shot() });
  dataset.change([dataset.pictures[0].id], { caption: 'x' });
  readOnly = true;
  expect(dataset.change([dataset.pictures[0].id], { caption: 'y' })).toBe(0);
  expect(dataset.undo()).toEqual([]);
  await dataset.remove([dataset.pictures[0].id]);
  expect(await dataset.add([new File([shot()], 'b.png')])).toBeUndefined();
  expect(dataset.pictures.map(({ caption }) => caption)).toEqual(['x']);
});

test('What is exported comes back the same', async () => {
  const dataset = await opened();
  await add(dataset, {
    '3_x/a.png': shot(),
    '3_x/a.txt': 'one, "two"',
    'b.png': shot(),
    'b.jpg': shot(),
    'metadata.csv': 'b.jpg,a jpeg\nb.png,a png\n',
  });
  const archive = await dataset.exportZip();
  const paths = (await openZip(archive)).entries.map(({ path }) => path);
  expect(paths).toEqual([
    ...['3_images/a.png', '3_images/a.txt', '1_images/b.jpg', '1_images/b.txt'],
    ...['1_images/b-2.png', '1_images/b-2.txt', 'metadata.csv'],
  ]);
  const other = await opened();
  await taken(other.add([new File([archive], 'out.zip')]));
  const facts = (from: Dataset) =>
    from.pictures.map(({ digest, caption, repeats }) => `${digest} ${repeats} ${caption}`).sort();
  expect(facts(other)).toEqual(facts(dataset));
  expect(await dataset.exportMetadataCsv()).toBe('a.png,"one, ""two"""\nb.jpg,"a jpeg"\nb.png,"a png"\n');
});

test('What is exported starts with the trigger word, as what is trained on does', async () => {
  const dataset = await opened(undefined, 'wdct');
  await add(dataset, { 'a.png': shot(), 'a.txt': 'a hare', 'b.png': shot(), 'b.txt': 'wdct, a fox' });
  expect(await dataset.exportMetadataCsv()).toBe('a.png,"wdct, a hare"\nb.png,"wdct, a fox"\n');
  expect(dataset.pictures.map(({ caption }) => caption)).toEqual(['a hare', 'wdct, a fox']);
});

test('A demo set is fetched from our origin and taken like any other', async () => {
  const set = {
    name: { en: 'W', zh: '木' },
    purpose: 'style',
    trigger: 'wdct',
    files: ['1.png', '2.png', 'metadata.csv'],
    uncaptioned: ['2.png'],
  };
  const served: Record<string, string> = {
    '/demo/sets.json': JSON.stringify({ woodcut: set }),
    '/demo/woodcut/1.png': shot(),
    '/demo/woodcut/2.png': shot(),
    '/demo/woodcut/metadata.csv': '1.png,a hare\n2.png,"a fox, at night"\n',
  };
  vi.spyOn(globalThis, 'fetch').mockImplementation((url) =>
    Promise.resolve(new Response(served[String(url)] ?? '', { status: served[String(url)] ? 200 : 404 })),
  );
  const dataset = await opened();
  expect(await dataset.addDemoSet('woodcut')).toEqual(set);
  expect(dataset.pictures.map(({ name, caption }) => [name, caption])).toEqual([
    ['1.png', 'a hare'],
    ['2.png', ''],
  ]);
  await expect(dataset.addDemoSet('constructor')).rejects.toThrow(/no demo set/);
  delete served['/demo/sets.json'];
  await expect(dataset.addDemoSet('woodcut')).rejects.toThrow(/could not be fetched \(404\)/);
});

test('A project file brings its pictures back as they were set, and tells what it lacks', async () => {
  const dataset = await opened();
  await add(dataset, { '3_kiko/a.png': shot(), '3_kiko/a.txt': 'kiko', 'b.png': shot(), 'c.png': shot() });
  const [a, b, c] = ['a.png', 'b.png', 'c.png'].map((name) => {
    const found = dataset.pictures.find((each) => each.name === name);
    if (!found) throw new Error(name);
    return found.id;
  });
  dataset.change([a], { focus: [0.25, 1] });
  dataset.setAside([b]);
  dataset.change([c], { caption: 'red\nblue' });
  const file = await writeProject(
    { name: 'p', purpose: 'style', trigger: '', settings: {} },
    // One has been damaged on the way.
    [...dataset.pictures, { ...dataset.pictures[0], id: 'x', name: 'broken.png' }],
    async ({ id }) => (await getImage(id)) ?? new Blob(['broken']),
  );
  const elsewhere = await opened();
  const { pictures } = await readProject(file);
  const outcome = await taken(elsewhere.restore(pictures, ['lost.png']));
  const kept = (set: Dataset) =>
    set.pictures.map(({ name, caption, repeats, focus, aside, digest, look, byteLength }) => ({
      ...{ name, caption, repeats, focus, aside, digest, look, byteLength },
    }));
  expect(kept(elsewhere)).toEqual(kept(dataset));
  expect(elsewhere.pictures.map(({ id }) => id)).not.toContain(a);
  expect(outcome).toMatchObject({ added: 3, captioned: 2 });
  expect(reasons(outcome)).toEqual({ 'too-small': ['broken.png'], unreadable: ['lost.png'] });
  const again = await listPictures(elsewhere.project ?? '');
  expect(again.map(({ name, order }) => [name, order])).toEqual(
    elsewhere.pictures.map(({ name }, i) => [name, i + 1]),
  );
  expect(await (await getImage(again[0].id))?.text()).toBe(
    await (await getImage(dataset.pictures[0].id))?.text(),
  );
});

async function opened(readOnly = () => false, trigger = ''): Promise<Dataset> {
  const dataset = new Dataset(
    readOnly,
    () => trigger,
    () => textPool(),
  );
  await dataset.load(`project ${projects++}`);
  return dataset;
}

function add(dataset: Dataset, files: Record<string, string>): Promise<Outcome> {
  return taken(dataset.add(filesOf(files)));
}

function filesOf(files: Record<string, string>): File[] {
  return Object.entries(files).map(([path, text]) => {
    const file = new File([text], path.slice(path.lastIndexOf('/') + 1), { lastModified: 0 });
    return Object.defineProperty(file, 'webkitRelativePath', { value: path.includes('/') ? path : '' });
  });
}

/** Waits until the import asks. */
async function asked(dataset: Dataset) {
  await vi.waitFor(() => expect(dataset.asking).toBeDefined());
  return dataset.asking;
}

/** Of 水, 墨 alone. */
function gbk(text: string): Uint8Array<ArrayBuffer> {
  const bytes: Record<string, number[]> = { 水: [0xcb, 0xae], 墨: [0xc4, 0xab] };
  return Uint8Array.from(Array.from(text).flatMap((letter) => bytes[letter] ?? []));
}

/** Without the flag that its names are UTF-8, as other programs write it. */
async function zipOf(
  files: Record<string, string | Uint8Array<ArrayBuffer>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const list = Object.entries(files).map(([path, content]) => ({ path, file: new Blob([content]) }));
  const bytes = new Uint8Array(await (await writeZip(list)).arrayBuffer());
  for (const at of placesOf(bytes, 'PK\x03\x04')) bytes[at + 7] &= ~8;
  for (const at of placesOf(bytes, 'PK\x01\x02')) bytes[at + 9] &= ~8;
  return bytes;
}

function placesOf(bytes: Uint8Array, text: string): number[] {
  const all = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  return [...all.matchAll(new RegExp(text, 'g'))].map(({ index }) => index);
}

async function taken(outcome: Promise<Outcome | undefined>): Promise<Outcome> {
  const of = await outcome;
  if (!of) throw new Error('Nothing was added.');
  return of;
}

function reasons({ rejects }: Outcome): Record<string, string[]> {
  return Object.fromEntries(
    rejects.map(({ reason, files }) => [
      reason,
      files.map(({ path, code }) => (code ? `${path} ${code}` : path)),
    ]),
  );
}

async function stored({ project }: Dataset): Promise<string[]> {
  return (await listPictures(project ?? '')).map(({ caption }) => caption);
}

/** A picture that looks like no other, unless told. */
function shot(look?: string): string {
  // Multiplied by an odd constant, neighbours differ in many bits.
  const spread = (BigInt(++looks) * 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn;
  return `640 480 ${look ?? spread.toString(16).padStart(16, '0')}`;
}

function textPool(ms = 0): Pool {
  return {
    atATime: 4,
    async read(file): Promise<PictureReading> {
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
      const text = await file.text();
      const [width, height, look] = text.split(' ');
      if (!look) return { ok: false, refusal: text === 'heic' ? 'heic' : 'too-small' };
      const hash = await crypto.subtle.digest('SHA-256', await file.arrayBuffer());
      const digest = Buffer.from(hash).toString('hex');
      const size = { width: Number(width), height: Number(height) };
      return { ok: true, facts: { ...size, type: 'image/png', digest, look, thumbnail: new Blob() } };
    },
    close() {
      // Nothing was started.
    },
  };
}
