import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, afterEach, expect, it } from 'vitest';
import { merges, options, tagger } from '../src/captioning/models.testing';
import { makeTokenizer } from '../src/formats/captions/tokenizer';
import type { Captioner } from '../src/protocol/captioner';
import { nodeCaptioner } from './captioner';
import { labelFolder } from './label_folder';

const tokenizer = makeTokenizer(merges, 49408);
const count = (text: string) => tokenizer.encode(text).length;
/** Says "seen" of every picture, whatever it shows. */
const asked = { ...options, trigger: 'kiko', template: 'seen' };

let captioner: Captioner;
let dir: string;
beforeAll(async () => {
  captioner = nodeCaptioner();
  await captioner.open(tagger, () => undefined);
});
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'label-'));
  await mkdir(join(dir, '10_kiko robot'));
  const png = await sharp({ create: { width: 40, height: 30, channels: 4, background: '#33669980' } })
    .png()
    .toBuffer();
  for (const name of ['2.png', '10.png', 'told.png', '10_kiko robot/a.png'])
    await writeFile(join(dir, name), png);
  await writeFile(join(dir, 'told.txt'), 'what I wrote\n');
  await writeFile(join(dir, 'torn.jpg'), png.subarray(0, 60));
});
afterEach(() => rm(dir, { recursive: true }));
afterAll(() => captioner.stop());

it('captions what has no caption, keeps what has one, and goes on past a picture it cannot read', async () => {
  const seen: string[] = [];
  const made = await labelFolder(dir, captioner, asked, 'only-empty', count, undefined, (event, name) =>
    seen.push(`${event.done}/${event.total} ${name}`),
  );
  expect(made.csv.split('\n')).toEqual([
    '2.png,"kiko, seen"',
    '10.png,"kiko, seen"',
    '10_kiko robot/a.png,"kiko, seen"',
    'told.png,"what I wrote"',
    'torn.jpg,""',
    '',
  ]);
  expect(made).toMatchObject({ pictures: 5, changed: 3 });
  expect(made.notes).toHaveLength(1);
  expect(made.notes[0]).toContain('torn.jpg cannot be read');
  expect(seen).toEqual(['1/4 2.png', '2/4 10.png', '3/4 10_kiko robot/a.png', '4/4 torn.jpg']);
});

it('appends and replaces; metadata.csv wins over .txt files', async () => {
  const bytes = new TextEncoder().encode('2.png,"mine"\ntold.png,"from the table"\n');
  const existing = { path: '/elsewhere/metadata.csv', bytes };
  const label = async (mode: 'append' | 'replace') =>
    (await labelFolder(dir, captioner, asked, mode, count, existing)).csv.split('\n');
  expect(await label('append')).toEqual(
    expect.arrayContaining(['2.png,"kiko, mine, seen"', 'told.png,"kiko, from the table, seen"']),
  );
  expect(await label('replace')).toEqual(expect.arrayContaining(['2.png,"kiko, seen"', 'torn.jpg,""']));
});

it('changes rows of its pictures only: header, other columns, order, line ends and strange rows stay', async () => {
  const table =
    'id;file;caption\r\n7;elsewhere.png;"kept; as is"\r\n3;10.png;\r\n4;told.png;mine\r\n1;2.PNG;\r\n';
  const path = join(dir, 'metadata.csv');
  await writeFile(path, table);
  const bytes = new TextEncoder().encode(table);
  const said: string[] = [];
  const made = await labelFolder(
    dir,
    captioner,
    asked,
    'only-empty',
    count,
    { path, bytes },
    undefined,
    { prefer: 'tables' },
    (line) => said.push(line),
  );
  expect(made.csv).toBe(
    'id;file;caption\r\n7;elsewhere.png;"kept; as is"\r\n3;10.png;"kiko, seen"\r\n4;told.png;mine\r\n1;2.PNG;"kiko, seen"\r\n' +
      ';10_kiko robot/a.png;"kiko, seen"\r\n;torn.jpg;""\r\n',
  );
  expect(said).toContain('metadata.csv has 1 caption for pictures that are not there: elsewhere.png.');
  expect(said.join()).toContain('told.txt says “what I wrote”');
});

it('moves a trigger that is there to the front, and never says it twice', async () => {
  await writeFile(join(dir, '2.txt'), 'mist, Kiko');
  await writeFile(join(dir, '10.txt'), 'a photo of kiko asleep');
  const { csv } = await labelFolder(dir, captioner, asked, 'append', count, undefined);
  expect(csv).toContain('2.png,"kiko, mist, seen"\n10.png,"a photo of kiko asleep, seen"\n');
});

it('says that a folder holds no pictures', async () => {
  const empty = await mkdtemp(join(tmpdir(), 'label-'));
  await expect(labelFolder(empty, captioner, asked, 'append', count, undefined)).rejects.toThrow(
    /no pictures/,
  );
  await rm(empty, { recursive: true });
  expect(await readFile(join(dir, 'told.txt'), 'utf8')).toBe('what I wrote\n');
});
