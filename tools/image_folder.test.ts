/** Folders on a disk: every one of the table as the module reads it, links, bad files, and what stops a run. */
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cpuMilliseconds } from '../src/cpu_time.testing';
import { folderCases, picture } from '../src/formats/dataset/folders.testing';
import { scanImageFolder, type FolderOptions } from './image_folder';
import { ImageFolderError, type ImageFolderErrorCode } from './images';

let dir: string;
let png: Buffer;
beforeAll(async () => void (png = await blank('png')));
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'images-'))));
afterEach(() => rm(dir, { recursive: true }));

/** A plain image; `blank('webp')` etc. encode it otherwise. */
function blank(format: 'png' | 'jpeg' | 'webp' | 'gif' | 'avif' | 'tiff', width = 80, height = 64) {
  return sharp({ create: { width, height, channels: 3, background: '#336699' } })
    .toFormat(format)
    .toBuffer();
}

async function put(files: Record<string, string | Uint8Array>, at: Record<string, number> = {}) {
  for (const [name, content] of Object.entries(files)) {
    const path = join(dir, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content === picture ? png : content);
    await utimes(path, at[name] ?? 1000, at[name] ?? 1000);
  }
}

async function refusal(options?: FolderOptions, of = dir): Promise<ImageFolderError> {
  const error = await scanImageFolder(of, options).catch((e: unknown) => e);
  if (!(error instanceof ImageFolderError))
    throw new Error(`expected ImageFolderError, got ${String(error)}`);
  return error;
}

describe('The table of folders', () => {
  it.each(folderCases.map((each) => [each.what, each] as const))('%s', async (_, folder) => {
    const { root = '', encoding, prefer } = folder.choices ?? {};
    const under = (files: Readonly<Record<string, unknown>>) =>
      Object.fromEntries(Object.entries(files).map(([name, value]) => [join(root, name), value]));
    await put(
      under(folder.files) as Record<string, string | Uint8Array>,
      under(folder.modified ?? {}) as Record<string, number>,
    );
    const options = { encoding, prefer };
    if (folder.refused) {
      expect((await refusal(options, join(dir, root))).code).toBe(folder.refused);
      return;
    }
    const { images, notes } = await scanImageFolder(join(dir, root), options);
    expect(images.map(({ name, caption, repeats }) => [name, caption, repeats])).toEqual(folder.pictures);
    expect(images.every(({ size }) => size[0] === 80 && size[1] === 64)).toBe(true);
    for (const aside of Object.keys(folder.aside ?? {})) {
      expect(
        notes.some((note) => note.includes('set aside') && note.includes(dirname(aside).replace('.', aside))),
      ).toBe(true);
    }
    expect(notes.length).toBeGreaterThanOrEqual(folder.notes?.length ?? 0);
  });
});

describe('pictures on a disk', () => {
  it('takes what sharp reads, whatever it is called, and names the rest', async () => {
    await put({
      'a.jfif': await blank('jpeg'),
      'b.tif': await blank('tiff'),
      'c.gif': await blank('gif'),
      'd.avif': await blank('avif'),
      'e.jpe': await blank('jpeg'),
      'f.bmp': await blank('webp', 300, 200),
      'g.jxl': Uint8Array.of(0xff, 0x0a, 0, 0),
      'h.svg': '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="90"/>',
      'i.png': '',
      'j.png': 'not an image',
      'k.png': png.subarray(0, png.length - 30),
      'l.png': await blank('png', 16, 16),
      'm.png': await blank('png', 3000, 60),
      'n.heic': Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1'),
    });
    const { images, notes } = await scanImageFolder(dir);
    expect(images.map(({ name }) => name)).toEqual(['a.jfif', 'b.tif', 'c.gif', 'd.avif', 'e.jpe', 'f.bmp']);
    expect(images[5].size).toEqual([300, 200]);
    expect(notes).toEqual([
      '1 picture is left out, JPEG XL (convert to PNG or JPEG): g.jxl.',
      '1 picture is left out, SVG (convert to PNG or JPEG): h.svg.',
      '1 picture is left out, empty file: i.png.',
      '1 picture is left out, not a picture: j.png.',
      '1 picture is left out, damaged (save it again as PNG or JPEG): k.png.',
      '1 picture is left out, under 64 px: l.png.',
      '1 picture is left out, too long and thin (crop it): m.png.',
      '1 picture is left out, HEIC (convert to PNG or JPEG): n.heic.',
      '6 images have no caption: a.jfif, b.tif, c.gif, d.avif, e.jpe and 1 more.',
    ]);
  });

  it('knows the upright size', async () => {
    const turned = await sharp(await blank('jpeg', 100, 70))
      .withMetadata({ orientation: 6 })
      .toBuffer();
    await put({ 'o.jpg': turned });
    expect((await scanImageFolder(dir)).images[0].size).toEqual([70, 100]);
  });

  it('refuses a GIF whose frames are larger than its screen before it is decoded', async () => {
    const gif = Buffer.from(await blank('gif', 100, 100));
    const frame = gif.indexOf(0x2c, 13 + 3 * (2 << (gif[10] & 7)));
    gif.writeUInt16LE(20_000, frame + 5);
    gif.writeUInt16LE(20_000, frame + 7);
    await put({ 'a.png': png, 'huge.gif': gif });
    const start = cpuMilliseconds();
    const { notes } = await scanImageFolder(dir);
    expect(cpuMilliseconds() - start).toBeLessThan(2000);
    expect(notes[0]).toMatch(/left out, too large .*huge\.gif/);
  });
});

describe('links', () => {
  it('follows each folder and file once, circles included, and names what leads nowhere', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'pool-'));
    await writeFile(join(elsewhere, 'p.png'), png);
    await writeFile(join(elsewhere, 'p.txt'), 'from the pool');
    await put({ '10_zk/a.png': picture, '10_zk/a.txt': 'own' });
    await symlink(elsewhere, join(dir, '2_pool'));
    await symlink(dir, join(dir, '10_zk', 'circle'));
    await symlink(join(dir, '10_zk', 'a.png'), join(dir, 'again.png'));
    await symlink(join(elsewhere, 'p.png'), join(dir, 'q.png'));
    await symlink(join(elsewhere, 'gone.png'), join(dir, 'gone.png'));
    const { images, notes } = await scanImageFolder(dir);
    expect(images.map(({ name, caption, repeats }) => [name, caption, repeats])).toEqual([
      ['2_pool/p.png', 'from the pool', 2],
      ['10_zk/a.png', 'own', 10],
    ]);
    expect(notes[0]).toBe('1 picture is left out, could not be read (moved or deleted?): gone.png.');
    expect(notes[1]).toBe(
      '2 links lead to what is taken already, and are not taken again: again.png, q.png.',
    );
    await rm(elsewhere, { recursive: true });
  });
});

describe('what a run is told', () => {
  it('leaves out the folder it writes into', async () => {
    await put({ 'a.png': picture, 'output/samples/x.png': picture, 'output/logs/y.png': picture });
    const { images } = await scanImageFolder(dir, { except: join(dir, 'output') });
    expect(images.map(({ name }) => name)).toEqual(['a.png']);
  });

  it('reads the dataset file of sd-scripts in the folder above', async () => {
    const subset = (path: string) =>
      `[[datasets]]\n[[datasets.subsets]]\nimage_dir = "${path}"\nnum_repeats = 7\nclass_tokens = "zk"\n`;
    await put({
      'set/a.png': picture,
      'set.toml': subset('/home/me/set'),
      'other.toml': subset('/home/me/other'),
    });
    const { images, notes } = await scanImageFolder(join(dir, 'set'));
    expect(images.map(({ name, caption, repeats }) => [name, caption, repeats])).toEqual([
      ['a.png', 'zk', 7],
    ]);
    expect(notes[0]).toBe('../set.toml names the folders: 1 subset.');
    expect(notes.join()).not.toContain('other.toml');
  });

  it('reads a table that lies elsewhere, and no other', async () => {
    await put({
      'data/a.png': picture,
      'other.csv': 'a.png,from elsewhere\n',
      'data/metadata.csv': 'a.png,no\n',
    });
    const { images } = await scanImageFolder(join(dir, 'data'), { metadata: join(dir, 'other.csv') });
    expect(images.map(({ caption }) => caption)).toEqual(['from elsewhere']);
  });

  it('says how a caption reads in every encoding that it may be in', async () => {
    await put({ 'a.png': picture, 'a.txt': Uint8Array.of(0xc4, 0xe3, 0xba, 0xc3) });
    const { message } = await refusal();
    expect(message).toMatch(/^1 caption file is not in UTF-8: a\.txt\./);
    expect(message).toContain('\n  --encoding gbk: 你好\n');
    expect((await scanImageFolder(dir, { encoding: 'gbk' })).images[0].caption).toBe('你好');
  });
});

describe('what stops a run', () => {
  it.each<[ImageFolderErrorCode, RegExp, Record<string, string>, FolderOptions?]>([
    ['no-images', /no images to train on in .*PNG/, { 'metadata.csv': '' }],
    ['no-images', /no images.*left out, empty file: a\.png/, { 'a.png': '' }],
    ['bad-caption', /metadata\.csv: .*quot/, { 'a.png': picture, 'metadata.csv': 'a.png,"open\n' }],
    ['no-metadata', /nowhere\.csv cannot be read/, { 'a.png': picture }, { metadata: '/nowhere.csv' }],
  ])('%s', async (code, sentence, files, options) => {
    await put(files);
    const error = await refusal(options);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(sentence);
  });

  it('is no caption file beside one picture that cannot be read', async () => {
    await put({ 'a.png': picture, 'a.txt': 'a\0b' });
    const { images, notes } = await scanImageFolder(dir);
    expect(images).toHaveLength(1);
    expect(notes[0]).toMatch(/The captions in a\.txt are not used\. .*NUL/);
  });

  it('is a folder that is not there', async () => {
    expect((await refusal({}, join(dir, 'no'))).message).toMatch(/cannot be read. Check train_data_dir/);
  });
});
