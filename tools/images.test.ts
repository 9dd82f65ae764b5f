import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BUCKET_DEFAULTS, placeInBucket } from '../src/formats/dataset/buckets';
import { decodeRgba, ImageFolderError, loadImage, lookAt, readPixels } from './images';

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

it('names a truncated image when its pixels are wanted', async () => {
  const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251));
  const png = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
    .png()
    .toBuffer();
  await put({ 'cut.png': png.subarray(0, png.length / 2) });
  const cut = { path: join(dir, 'cut.png'), name: 'cut.png' };
  await expect(readPixels(cut)).rejects.toThrow(ImageFolderError);
  await expect(readPixels(cut)).rejects.toThrow(/cut\.png cannot be read/);
  expect(await lookAt(cut.path)).toBe('not-decodable');
});

it('names what a picture in memory is, where it cannot be read', async () => {
  await expect(decodeRgba(Uint8Array.of(0xff, 0x0a, 0, 0), 'a.jxl')).rejects.toThrow(
    'The image a.jxl cannot be read: JPEG XL (convert to PNG or JPEG).',
  );
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

  it('turns an image upright', async () => {
    const raw = Buffer.from([255, 0, 0, 0, 0, 255]); // red left, blue right
    const png = await sharp(raw, { raw: { width: 2, height: 1, channels: 3 } })
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer();
    const { rgb, size } = await pixelsOf('o.png', png);
    expect(size).toEqual([1, 2]);
    expect(rgb).toEqual([255, 0, 0, 0, 0, 255]);
  });

  it('comes out at the size of its bucket, -1 to 1', async () => {
    await put({ 'a.png': await blank('png', 100, 60) });
    const image = { path: join(dir, 'a.png'), name: 'a.png' };
    const placement = placeInBucket([100, 60], { ...BUCKET_DEFAULTS, resolution: [128, 128], minSize: 64 });
    const out = await loadImage(image, placement);
    expect(out).toHaveLength(placement.bucket[0] * placement.bucket[1] * 3);
    for (let i = 0; i < out.length; i++) expect(out[i]).toBeCloseTo([0x33, 0x66, 0x99][i % 3] / 127.5 - 1, 6);
  });
});
