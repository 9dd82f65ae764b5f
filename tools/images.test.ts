import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BUCKET_DEFAULTS, placeInBucket } from '../src/formats/buckets';
import {
  type ImageFolderErrorCode,
  ImageFolderError,
  loadImage,
  naturalOrder,
  readPixels,
  scanImageFolder,
} from './images';

let dir: string;
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'images-'))));
afterEach(() => rm(dir, { recursive: true }));

async function put(files: Record<string, string | Uint8Array>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), content);
  }
}

/** A plain image; `blank('webp')` etc. encode it otherwise. */
function blank(format: 'png' | 'jpeg' | 'webp' = 'png', width = 8, height = 6): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: '#336699' } })
    .toFormat(format)
    .toBuffer();
}

async function refusal(metadataPath?: string): Promise<ImageFolderError> {
  const error = await scanImageFolder(dir, metadataPath).catch((e: unknown) => e);
  if (!(error instanceof ImageFolderError))
    throw new Error(`expected ImageFolderError, got ${String(error)}`);
  return error;
}

async function expectRefusal(
  code: ImageFolderErrorCode,
  sentence: RegExp,
  metadataPath?: string,
): Promise<void> {
  const error = await refusal(metadataPath);
  expect(error.code).toBe(code);
  expect(error.message).toMatch(sentence);
}

describe('scanImageFolder with caption files', () => {
  it('lists in natural order, with sizes, captions and what has none', async () => {
    const png = await blank();
    await put({
      '10.png': png,
      '2.JPG': await blank('jpeg', 20, 10),
      '1.webp': await blank('webp'),
      '2.txt': '\ufeffa cat\r\nsecond line',
      '10.caption': '水墨画, 山\n',
      '._2.png': 'resource fork',
      'notes.doc': 'x',
    });
    const { images, notes } = await scanImageFolder(dir);
    expect(images.map(({ name, caption, repeats, size }) => [name, caption, repeats, size])).toEqual([
      ['1.webp', '', 1, [8, 6]],
      ['2.JPG', 'a cat, second line', 1, [20, 10]],
      ['10.png', '水墨画, 山', 1, [8, 6]],
    ]);
    expect(notes).toEqual(['1 image has no caption: 1.webp.']);
  });

  it("reads kohya's folders: repeats, class words, and what it leaves out", async () => {
    const png = await blank();
    await put({
      '10_sks cat/a.png': png,
      '10_sks cat/b.png': png,
      '10_sks cat/b.txt': 'b caption',
      '3/c.png': png,
      '3/c.txt': 'c',
      'spare/d.png': png,
      '0_none/e.png': png,
      '5_x/deeper/f.png': png,
    });
    const { images, notes } = await scanImageFolder(dir);
    expect(images.map(({ name, caption, repeats }) => [name, caption, repeats])).toEqual([
      ['3/c.png', 'c', 3],
      ['10_sks cat/a.png', 'sks cat', 10],
      ['10_sks cat/b.png', 'b caption', 10],
    ]);
    expect(notes).toEqual([
      '3 images left out, in folders not named like 10_name: 0_none, 5_x/deeper, spare.',
    ]);
  });
});

describe('scanImageFolder with metadata.csv', () => {
  it('takes BOM, CRLF, quotes, Chinese and decomposed names, and folders', async () => {
    const png = await blank();
    await put({
      '图片 1.png': png,
      ['e\u0301te\u0301.png']: png,
      'sub/x.png': png,
      '4_y/z.png': png,
      'unlisted.png': png,
      'metadata.csv':
        '\ufefffile_name,text\r\n图片 1.png,"他说 ""你好"", 山水"\r\n\u00e9t\u00e9.png,summer\r\nsub\\x.png,x\r\n./4_y/z.png,z\r\n',
    });
    const { images, notes } = await scanImageFolder(dir);
    expect(Object.fromEntries(images.map((i) => [i.name.normalize('NFC'), [i.caption, i.repeats]]))).toEqual({
      '图片 1.png': ['他说 "你好", 山水', 1],
      '\u00e9t\u00e9.png': ['summer', 1],
      'sub/x.png': ['x', 1],
      '4_y/z.png': ['z', 4],
    });
    expect(notes).toEqual(['1 image is not in metadata.csv and left out: unlisted.png.']);
  });

  it('reads a csv that lies elsewhere', async () => {
    await put({
      'data/a.png': await blank(),
      'other.csv': 'a.png,from elsewhere\n',
      'data/metadata.csv': 'a.png,no\n',
    });
    const { images } = await scanImageFolder(join(dir, 'data'), join(dir, 'other.csv'));
    expect(images.map((i) => i.caption)).toEqual(['from elsewhere']);
  });

  it('names rows whose image is not there, with a hint where only the case differs', async () => {
    await put({ 'a.PNG': await blank(), 'metadata.csv': 'a.png,x\ngone.png,y\n' });
    await expectRefusal(
      'missing-image',
      /metadata\.csv lists 2 images that are not in .*: a\.png \(line 1; the folder has a\.PNG\), gone\.png \(line 2\)/,
    );
  });

  it.each(['../a.png', '/etc/a.png', 'C:\\a.png', 'x/../../a.png'])('refuses %s', async (name) => {
    await put({ 'a.png': await blank(), 'metadata.csv': `${name},x\n` });
    await expectRefusal('outside-folder', /line 1 names .*relative to train_data_dir/);
  });

  it('passes on what is wrong with the csv, naming it', async () => {
    await put({ 'a.png': await blank(), 'metadata.csv': 'a.png,"open\n' });
    await expectRefusal('bad-caption', /metadata\.csv: .*quot/);
    await expectRefusal('no-metadata', /nowhere\.csv cannot be read/, join(dir, 'nowhere.csv'));
  });
});

describe('bad folders', () => {
  it('names a folder that is not there or has no images', async () => {
    await expectRefusal('no-images', /no images to train on in .*10_name/);
    await put({ 'metadata.csv': '' });
    await expectRefusal('no-images', /no images/);
    await rm(dir, { recursive: true });
    await expectRefusal('no-folder', /cannot be read. Check train_data_dir/);
    await mkdir(dir);
  });

  it.each([
    ['a.png', 'not an image', /a\.png cannot be read \(.*unsupported image format/],
    ['b.jpg', '', /b\.jpg cannot be read \(it is empty/],
    ['c.bmp', 'BM......', /c\.bmp cannot be read.*Save it again as PNG/],
    ['d.png', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', /in fact svg/],
  ])('names %s, which cannot be decoded', async (name, content, sentence) => {
    await put({ [name]: content });
    await expectRefusal('undecodable-image', sentence);
  });

  it('names a truncated image when its pixels are wanted', async () => {
    const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251));
    const png = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
      .png()
      .toBuffer();
    await put({ 'cut.png': png.subarray(0, png.length / 2) });
    const { images } = await scanImageFolder(dir);
    await expect(readPixels(images[0])).rejects.toThrow(ImageFolderError);
    await expect(readPixels(images[0])).rejects.toThrow(/cut\.png cannot be read/);
  });

  it('names a caption that is GBK, not UTF-8', async () => {
    await put({ 'a.png': await blank(), 'a.txt': Uint8Array.of(0xc4, 0xe3, 0xba, 0xc3) });
    await expectRefusal('bad-caption', /^a\.txt: .*UTF-8/);
  });
});

describe('pixels', () => {
  const pixelsOf = async (
    name: string,
    bytes: Uint8Array,
  ): Promise<{ rgb: number[]; size: readonly number[] }> => {
    await put({ [name]: bytes });
    const { rgb, size } = await readPixels({ path: join(dir, name), name });
    return { rgb: [...rgb], size };
  };

  it('lays transparency over white', async () => {
    const raw = Buffer.from([255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255, 128]);
    const png = await sharp(raw, { raw: { width: 3, height: 1, channels: 4 } })
      .png()
      .toBuffer();
    const { rgb } = await pixelsOf('a.png', png);
    expect(rgb.slice(0, 6)).toEqual([255, 0, 0, 255, 255, 255]);
    expect(Math.abs(rgb[6] - 127)).toBeLessThanOrEqual(1);
    expect(rgb[8]).toBe(255);
  });

  it.each([1, 2] as const)('makes grey with %d channels and 16 bits into RGB', async (channels) => {
    const raw = new Uint16Array(channels === 1 ? [0, 65535] : [0, 65535, 0, 0]);
    const png = await sharp(raw, { raw: { width: 2, height: 1, channels } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    expect((await pixelsOf('g.png', png)).rgb).toEqual([0, 0, 0, 255, 255, 255]);
  });

  it('turns an image upright, and knows its upright size before', async () => {
    const raw = Buffer.from([255, 0, 0, 0, 0, 255]); // red left, blue right
    const png = await sharp(raw, { raw: { width: 2, height: 1, channels: 3 } })
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer();
    const { rgb, size } = await pixelsOf('o.png', png);
    expect(size).toEqual([1, 2]);
    expect(rgb).toEqual([255, 0, 0, 0, 0, 255]);
    expect((await scanImageFolder(dir)).images[0].size).toEqual([1, 2]);
  });

  it('comes out at the size of its bucket, -1 to 1', async () => {
    await put({ 'a.png': await blank('png', 100, 60) });
    const [image] = (await scanImageFolder(dir)).images;
    const placement = placeInBucket(image.size, { ...BUCKET_DEFAULTS, resolution: [128, 128], minSize: 64 });
    const out = await loadImage(image, placement);
    expect(out).toHaveLength(placement.bucket[0] * placement.bucket[1] * 3);
    for (let i = 0; i < out.length; i++) expect(out[i]).toBeCloseTo([0x33, 0x66, 0x99][i % 3] / 127.5 - 1, 6);
  });
});

describe('naturalOrder', () => {
  it('counts, and is one order whatever came first', () => {
    const sorted = ['1.png', '2.png', '10.png', 'a2', 'a10', 'b'];
    expect([...sorted].reverse().sort(naturalOrder)).toEqual(sorted);
    const alike = ['01', '1', '001', 'A', 'a', '\u00e1', 'a\u0301'];
    expect([...alike].reverse().sort(naturalOrder)).toEqual([...alike].sort(naturalOrder));
  });
});
