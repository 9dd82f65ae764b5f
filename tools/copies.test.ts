/** Copies of a picture count once: the captioned one stays. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { withoutCopies } from './copies';
import { scanImageFolder } from './image_folder';

const png = (background: string) =>
  sharp({ create: { width: 80, height: 80, channels: 3, background } })
    .png()
    .toBuffer();

test('of files equal to the last byte the captioned one is used, else the first; others are left alone', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'copies-'));
  try {
    const [red, blue, green] = [await png('#c02020'), await png('#2040c0'), await png('#20c040')];
    await writeFile(join(dir, 'a.png'), red);
    await writeFile(join(dir, 'b.png'), red);
    await writeFile(join(dir, 'b.txt'), 'a red square');
    await writeFile(join(dir, 'c.png'), blue);
    await writeFile(join(dir, 'd.png'), blue);
    await writeFile(join(dir, 'e.png'), green);
    const { images } = await scanImageFolder(dir);
    const once = await withoutCopies(images);
    expect(once.images.map(({ name }) => name)).toEqual(['b.png', 'c.png', 'e.png']);
    expect(once.notes).toEqual([
      '2 pictures are copies of another, and are left out: a.png (= b.png), d.png (= c.png). --keep-copies trains on all of them.',
    ]);
    expect(await withoutCopies(once.images)).toEqual({ images: once.images, notes: [] });
  } finally {
    await rm(dir, { recursive: true });
  }
});
