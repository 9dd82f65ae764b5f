/**
 * The dataset over a fake IndexedDB: what a drop becomes, what is saved, what can be undone. Pictures are text files
 * ("640 480 <look>") that a reader of this test understands; real ones are read in the browser's journeys.
 */
import '../../storage/fake_indexeddb.testing';
import { afterEach, expect, test, vi } from 'vitest';
import { readProject, writeProject } from '../../formats/project_file';
import { openZip } from '../../formats/zip';
import { writeZip } from '../../formats/zip_write';
import type { PictureReading } from '../../protocol/pictures';
import { getImage, listPictures } from '../../storage/pictures';
import { Dataset } from './dataset.svelte';
import type { Outcome } from './import/outcome';
import type { Pool } from './import/pool';

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
    ['10.png', '', 10],
  ]);
  expect(outcome).toMatchObject({ added: 3, captioned: 2, rejects: [] });
  expect(outcome.folders).toEqual([
    { folder: '5_style', repeats: 5, pictures: 1 },
    { folder: '10_kiko', repeats: 10, pictures: 2 },
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
    'unknown-type': ['notes.docx', 'run.toml', 'photo_list.csv'],
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
  const list = Object.entries(files).map(([path, text]) => {
    const file = new File([text], path.slice(path.lastIndexOf('/') + 1));
    return Object.defineProperty(file, 'webkitRelativePath', { value: path.includes('/') ? path : '' });
  });
  return taken(dataset.add(list));
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
