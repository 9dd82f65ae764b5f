/** A second run of one name leaves the files of the first. */
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { setEarlierAside } from './earlier_run';

test('an earlier run of the same name is kept whole under its time; other files stay', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'earlier-'));
  try {
    const of = [
      'zk.safetensors',
      'zk-000500.safetensors',
      'zk.state.safetensors',
      'zk.state.previous.safetensors',
    ];
    const others = ['zk2.safetensors', 'zk-20250101-000000.safetensors', 'train.lock', 'zk.safetensors.part'];
    for (const name of [...of, ...others]) {
      await writeFile(join(dir, name), name);
      await utimes(join(dir, name), 0, Date.UTC(2026, 10, 28, 22, 3, 1) / 1000);
    }
    const [note] = await setEarlierAside(dir, 'zk');
    expect(note).toContain('kept as zk-20261128-220301.safetensors');
    expect((await readdir(dir)).sort()).toEqual(
      [
        'zk-20261128-220301.safetensors',
        'zk-20261128-220301-000500.safetensors',
        'zk-20261128-220301.state.safetensors',
        'zk-20261128-220301.state.previous.safetensors',
        ...others,
      ].sort(),
    );
    expect(await readFile(join(dir, 'zk-20261128-220301.safetensors'), 'utf8')).toBe('zk.safetensors');
    expect(await setEarlierAside(dir, 'zk')).toEqual([]);
    expect(await setEarlierAside(join(dir, 'nowhere'), 'zk')).toEqual([]);
  } finally {
    await rm(dir, { recursive: true });
  }
});
