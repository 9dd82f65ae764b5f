import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cacheFolder, tuningFile } from './tunings';

test('is kept by adapter, and a damaged file is as none', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tunings-'));
  try {
    const path = join(folder, 'of', 'a', 'user', 'tunings.json');
    const cache = tuningFile(path);
    expect(await cache.get('one')).toBeUndefined();
    await cache.put('one', { multiprocessors: 82 });
    await cache.put('two', { math: 'wide' });
    expect([await cache.get('one'), await cache.get('two')]).toEqual([
      { multiprocessors: 82 },
      { math: 'wide' },
    ]);
    expect(await cache.get('toString')).toBeUndefined();
    expect(await readdir(join(path, '..'))).toEqual(['tunings.json']);
    for (const text of ['', '{"one": {"multi', '[]', 'null', '7']) {
      await writeFile(path, text);
      expect(await tuningFile(path).get('one')).toBeUndefined();
    }
    await cache.put('one', { multiprocessors: 20 });
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ one: { multiprocessors: 20 } });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('lies where the system keeps what may be thrown away', () => {
  expect(cacheFolder({ XDG_CACHE_HOME: '/x' }, 'linux')).toBe(join('/x', 'lora-studio'));
  expect(cacheFolder({ XDG_CACHE_HOME: '' }, 'linux')).toMatch(/\.cache.lora-studio$/);
  expect(cacheFolder({}, 'darwin')).toMatch(/Library.Caches.lora-studio$/);
  expect(cacheFolder({ LOCALAPPDATA: '/l' }, 'win32')).toBe(join('/l', 'lora-studio'));
});
