/** Entries on a disk: written whole, read back, the oldest dropped first; what fails is no error. */
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { latentStore } from './latent_store';

const made = await mkdtemp(join(tmpdir(), 'latents-'));
afterAll(() => rm(made, { recursive: true }));

test('kept, found, and shrunk to a bound without what is in use', async () => {
  const folder = join(made, 'out', 'latents');
  const store = latentStore(folder);
  expect(await store.read('a')).toBeUndefined();
  for (const [i, name] of ['a', 'b', 'c', 'd'].entries()) {
    expect(await store.write(name, new Uint8Array(100).fill(i))).toBe(true);
    await utimes(join(folder, name), 1000 + i, 1000 + i);
  }
  expect(await store.read('c')).toEqual(new Uint8Array(100).fill(2));
  await store.shrink(new Set(['a']), 400);
  expect((await readdir(folder)).sort()).toEqual(['a', 'b', 'c', 'd']);
  await store.shrink(new Set(['a']), 250);
  expect((await readdir(folder)).sort()).toEqual(['a', 'd']);
  await store.shrink(new Set(['a', 'd']), 0);
  expect((await readdir(folder)).sort()).toEqual(['a', 'd']);
});

test('a folder that cannot be made', async () => {
  const file = join(made, 'file');
  await writeFile(file, '');
  const store = latentStore(file);
  expect(await store.write('a', new Uint8Array(1))).toBe(false);
  expect(await store.read('a')).toBeUndefined();
  await store.shrink(new Set(), 0);
});
