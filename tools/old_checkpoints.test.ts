import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeSafetensors } from '../src/formats/safetensors/safetensors_write';
import { deleteOlder } from './old_checkpoints';

let dir = '';
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'checkpoints-'))));
afterEach(() => rm(dir, { recursive: true }));

const save = (name: string, session?: string) =>
  writeFile(
    join(dir, `${name}.safetensors`),
    writeSafetensors(
      [{ name: 'x', dtype: 'F32', shape: [1], data: new Uint8Array(4) }],
      session ? { ss_session_id: session } : {},
    ),
  );

test("only the run's own older checkpoints go; its last file, another run's and a stranger's stay", async () => {
  for (const step of ['000010', '000020', '000030', '1000000']) await save(`zk-${step}`, '7');
  await save('zk', '7');
  await save('zk-000005', '8');
  await save('zk-000001');
  await save('zk-girl-000010', '7');
  await writeFile(join(dir, 'zk-000002.safetensors'), 'no safetensors');
  expect(await deleteOlder(dir, 'zk', 'zk-1000000.safetensors', 2)).toEqual([
    'zk-000010.safetensors',
    'zk-000020.safetensors',
  ]);
  const names = ['zk', 'zk-000001', 'zk-000002', 'zk-000005', 'zk-000030', 'zk-1000000', 'zk-girl-000010'];
  expect((await readdir(dir)).sort()).toEqual(names.map((name) => `${name}.safetensors`).sort());
});

test('0 keeps all, and a file without a run deletes nothing', async () => {
  for (const step of ['000010', '000020']) await save(`zk-${step}`, '7');
  await save('zk-000030');
  expect(await deleteOlder(dir, 'zk', 'zk-000020.safetensors', 0)).toEqual([]);
  expect(await deleteOlder(dir, 'zk', 'zk-000030.safetensors', 1)).toEqual([]);
});

test.skipIf(!existsSync('/proc/self/fd'))(
  'what is deleted gives its room back: no file stays open',
  async () => {
    for (const step of ['000010', '000020', '000030']) await save(`zk-${step}`, '7');
    await deleteOlder(dir, 'zk', 'zk-000030.safetensors', 1);
    const open = readdirSync('/proc/self/fd').map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    });
    expect(open.filter((path) => path.startsWith(dir))).toEqual([]);
  },
);
