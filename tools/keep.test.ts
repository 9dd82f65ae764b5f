import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkConfig } from '../src/formats/config/config';
import type { TrainEvent } from '../src/protocol/trainer';
import { makeFolder, writeWhole } from './files';
import { keepSample, keepSaved, previousStateName, removeParts } from './keep';
import { trainLog } from './train_log';

let dir = '';
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'keep-'))));
afterEach(() => rm(dir, { recursive: true }));

const config = (output: string) => checkConfig({ output_dir: output, output_name: 'zk' });

function saved(step: number, final = false): Extract<TrainEvent, { kind: 'saved' }> {
  const name = final ? 'zk' : `zk-${String(step).padStart(6, '0')}`;
  return {
    kind: 'saved',
    step,
    epoch: 1,
    final,
    lora: { name: `${name}.safetensors`, blob: new Blob([`lora ${step}`]) },
    state: { name: 'zk.state.safetensors', blob: new Blob([`state ${step}`]) },
  };
}

const read = (...path: string[]) => readFile(join(dir, ...path), 'utf8');

test('the state before the newest is kept, whole', async () => {
  for (const step of [2, 4, 6]) {
    const kept = await keepSaved(saved(step), config(dir));
    expect(kept).toEqual({
      lines: [`saved zk-00000${step}.safetensors at step ${step} (0.01 MB)`],
      whole: true,
    });
  }
  expect(await read('zk.state.safetensors')).toBe('state 6');
  expect(await read(previousStateName('zk'))).toBe('state 4');
  expect((await readdir(dir)).filter((name) => name.endsWith('.part'))).toEqual([]);
});

test('a newest state that is damaged does not take the place of the sound one before it', async () => {
  for (const step of [2, 4]) await keepSaved(saved(step), config(dir));
  await keepSaved(saved(6), config(dir), false);
  expect(await read('zk.state.safetensors')).toBe('state 6');
  expect(await read(previousStateName('zk'))).toBe('state 2');
});

test('what cannot be written is said, is not called saved, leaves nothing half, and ends no run', async () => {
  // A folder is where the checkpoint should go: no file can be put in its place.
  await mkdir(join(dir, 'zk-000002.safetensors', 'x'), { recursive: true });
  const kept = await keepSaved(saved(2), config(dir));
  expect(kept.whole).toBe(false);
  expect(kept.lines).toHaveLength(1);
  expect(kept.lines[0]).toMatch(
    /^WARNING: zk-000002\.safetensors was not saved\. .*can be resumed from here/,
  );
  expect(await read('zk.state.safetensors')).toBe('state 2');
  expect((await readdir(dir)).sort()).toEqual(['zk-000002.safetensors', 'zk.state.safetensors']);
  // The next one is tried again.
  expect(await keepSaved(saved(4), config(dir))).toMatchObject({ whole: true });
});

test('the folder that went is made again; where it cannot be, a checkpoint waits for the next', async () => {
  const output = join(dir, 'out');
  expect((await keepSaved(saved(2), config(output))).lines[0]).toBe(
    `note: the folder "${output}" was gone; it was made again.`,
  );
  await rm(output, { recursive: true });
  await writeFile(output, 'a file');
  const kept = await keepSaved(saved(4), config(output));
  expect(kept).toMatchObject({ whole: false });
  expect(kept.lines).toEqual([
    `WARNING: step 4 was not saved. "${output}" is no folder, or lies in a file. Name another output_dir. The run goes on; the next save tries again.`,
  ]);
});

test('the last files go elsewhere rather than nowhere, and over nobody', async () => {
  const output = join(dir, 'out');
  await writeFile(output, 'a file');
  await writeFile(join(dir, 'zk.safetensors'), 'somebody');
  const kept = await keepSaved(saved(6, true), config(output), true, [join(dir, 'none'), dir]);
  expect(kept.whole).toBe(false);
  expect(kept.lines.join('\n')).toContain(`It was saved to "${join(dir, 'zk-2.safetensors')}"`);
  expect(kept.lines.join('\n')).toContain(`It was saved to "${join(dir, 'zk.state.safetensors')}"`);
  expect(await read('zk-2.safetensors')).toBe('lora 6');
  expect(await read('zk.safetensors')).toBe('somebody');

  const nowhere = await keepSaved(saved(6, true), config(output), true, [join(dir, 'none')]);
  expect(nowhere.lines[0]).toMatch(/^WARNING: zk\.safetensors at step 6 was not saved\. .*none/);
});

test('a sample that cannot be written ends no run', async () => {
  await writeFile(join(dir, 'samples'), 'a file');
  const kept = await keepSample(
    {
      kind: 'sample',
      step: 3,
      index: 0,
      prompt: 'a cat',
      seed: 1,
      width: 1,
      height: 1,
      rgba: new Uint8ClampedArray(4),
    },
    config(dir),
  );
  expect(kept.lines[0]).toMatch(/^WARNING: the sample at step 3 was not saved\./);
});

test("parts that a killed run left go; another's stay", async () => {
  const names = ['zk.safetensors', 'zk-000002.safetensors', 'zk.state.safetensors', 'zk-girl.safetensors'];
  for (const name of names) await writeFile(join(dir, `${name}.part`), '');
  await removeParts(dir, 'zk');
  expect(await readdir(dir)).toEqual(['zk-girl.safetensors.part']);
});

test('a file is in place of the old one whole, or the old one stays', async () => {
  const path = join(dir, 'a');
  await writeWhole(path, 'old');
  const refuse = () => Promise.reject(new Error('no'));
  await expect(writeWhole(path, 'new', refuse)).rejects.toThrow('no');
  expect(await readdir(dir)).toEqual(['a']);
  expect(await read('a')).toBe('old');
  await writeWhole(path, 'new');
  expect(await read('a')).toBe('new');
});

test('folders are made with those above them; a file in the way is named as such', async () => {
  await makeFolder(join(dir, 'a', 'b', 'c'));
  await makeFolder(join(dir, 'a', 'b', 'c'));
  await writeFile(join(dir, 'a', 'b', 'c', 'd'), '');
  await expect(makeFolder(join(dir, 'a', 'b', 'c', 'd'))).rejects.toThrow(/EEXIST/);
  await expect(makeFolder(join(dir, 'a', 'b', 'c', 'd', 'e'))).rejects.toThrow(/ENOTDIR/);
});

test('a log that cannot be written says so once, and is written again when it can be', async () => {
  const told: string[] = [];
  await writeFile(join(dir, 'logs'), 'a file');
  const log = trainLog(join(dir, 'logs', 'train.log'), (line) => told.push(line));
  log('one');
  log('two');
  await expect.poll(() => told.length).toBe(1);
  expect(told[0]).toMatch(/the log is not written.*The run goes on/);
  await rm(join(dir, 'logs'));
  log('three');
  expect(await read('logs', 'train.log')).toMatch(/^\S+Z three\n$/);
});
