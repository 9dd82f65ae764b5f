/** The zip of a job: pictures as sd-scripts reads them, a caption beside each, and a checksum of every file. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkConfig } from '../src/formats/config/config';
import { openZip } from '../src/formats/zip/zip';
import { writeZip } from '../src/formats/zip/zip_write';
import { handoverFilesOf } from './handover_zip';
import type { FolderImage } from './image_folder';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'handover-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function image(name: string, bytes: Buffer, more: Partial<FolderImage> = {}): Promise<FolderImage> {
  const path = join(root, name.replace('/', '-'));
  await writeFile(path, bytes);
  return { path, name, caption: 'a cat', repeats: 1, size: [4, 8], ...more } as FolderImage;
}

const red = { create: { width: 8, height: 4, channels: 3, background: '#ff0000' } } as const;
const clear = {
  create: { width: 8, height: 4, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
} as const;

test('pictures are grouped by repeats; one that sd-scripts would read otherwise is made plain', async () => {
  const plain = await sharp(red).jpeg().toBuffer();
  const images = [
    await image('a.jpg', plain, { repeats: 3, caption: 'one\ntwo' }),
    await image('x/a.png', await sharp(clear).png().toBuffer(), { caption: '' }),
    await image('turned.jpg', await sharp(red).withMetadata({ orientation: 6 }).jpeg().toBuffer()),
    await image('b ü!.gif', await sharp(red).gif().toBuffer()),
  ];
  await writeFile(join(root, 'ink.safetensors'), 'weights');
  const config = checkConfig({ num_repeats: 2, base_model: join(root, 'base.safetensors') });
  const options = { lora: join(root, 'ink.safetensors'), processes: 1, cpu: false };
  const zip = await openZip(await writeZip(await handoverFilesOf(config, images, options)));
  const files = new Map<string, Uint8Array>();
  for (const entry of zip.entries) files.set(entry.path, await (await entry.open()).bytes());
  const text = (path: string) => new TextDecoder().decode(files.get(path));

  expect([...files.keys()].filter((path) => path.startsWith('images/')).sort()).toEqual([
    ...['images/2_times/00002-a.png', 'images/2_times/00002-a.txt'],
    ...['images/2_times/00003-turned.png', 'images/2_times/00003-turned.txt'],
    ...['images/2_times/00004-b_ü_.png', 'images/2_times/00004-b_ü_.txt'],
    ...['images/6_times/00001-a.jpg', 'images/6_times/00001-a.txt'],
  ]);
  expect(Buffer.from(files.get('images/6_times/00001-a.jpg') ?? []).equals(plain)).toBe(true);
  expect(text('images/6_times/00001-a.txt')).toBe('one two\n');
  expect(text('images/2_times/00002-a.txt')).toBe('\n');
  // Over white, and upright.
  const over = await sharp(files.get('images/2_times/00002-a.png'))
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect([...over.data.subarray(0, over.info.channels)]).toEqual([255, 255, 255]);
  expect(await sharp(files.get('images/2_times/00003-turned.png')).metadata()).toMatchObject({
    width: 4,
    height: 8,
  });

  expect(text('config.toml')).toContain('network_weights = "lora/ink.safetensors"');
  expect(text('dataset.toml')).toMatch(/2_times"\nnum_repeats = 2[^]*6_times"\nnum_repeats = 6/);
  expect(text('README.md')).not.toContain(root);
  const sums = text('SHA256SUMS').trimEnd().split('\n').map((line) => line.split('  ')); // prettier-ignore
  expect(sums.map(([, path]) => path).sort()).toEqual(
    [...files.keys()].filter((path) => path !== 'SHA256SUMS').sort(),
  );
  for (const [sum, path = ''] of sums)
    expect(
      createHash('sha256')
        .update(files.get(path) ?? '')
        .digest('hex'),
    ).toBe(sum);
});
