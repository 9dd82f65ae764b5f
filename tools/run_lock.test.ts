import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takeFolder } from './run_lock';

let dir = '';
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'lock-'))));
afterEach(() => rm(dir, { recursive: true }));

const lock = () => join(dir, 'train.lock');
const owner = async () => JSON.parse(await readFile(lock(), 'utf8')) as { pid: number };
const write = (content: object) => writeFile(lock(), JSON.stringify({ host: hostname(), ...content }));
/** Of a process that has ended. */
const dead = () => spawnSync(process.execPath, ['-e', '0']).pid;

test('a folder is made, and taken once', async () => {
  await takeFolder(join(dir, 'a', 'b'));
  expect(await readdir(join(dir, 'a', 'b'))).toEqual(['train.lock']);
  await expect(takeFolder(join(dir, 'a', 'b'))).rejects.toThrow(
    new RegExp(`Another training \\(process ${process.pid}\\) writes into output_dir .*delete`),
  );
});

test('what a process that is gone left behind is taken over', async () => {
  await write({ pid: dead() });
  await takeFolder(dir);
  expect(await owner()).toMatchObject({ pid: process.pid });
  expect(await readdir(dir)).toEqual(['train.lock']);
});

test('a living process keeps it, but one that only has its number does not', async () => {
  await write({ pid: process.ppid });
  await expect(takeFolder(dir)).rejects.toThrow(`process ${process.ppid}`);
  // Its own number, as a container that was started anew gives it, of another beginning.
  await write({ pid: process.pid, began: 'before' });
  await takeFolder(dir);
  if (process.platform !== 'linux') return;
  await write({ pid: process.ppid, began: 'before' });
  await takeFolder(dir);
  expect(await owner()).toMatchObject({ pid: process.pid });
});

test("another machine's counts while it is touched", async () => {
  await write({ pid: 5, host: 'elsewhere' });
  await expect(takeFolder(dir)).rejects.toThrow('process 5 on elsewhere');
  const hourAgo = Date.now() / 1000 - 3600;
  await utimes(lock(), hourAgo, hourAgo);
  await takeFolder(dir);
  expect(await owner()).toMatchObject({ pid: process.pid });
});

test('a lock with nothing in it is being written; an old one was left when the power went', async () => {
  await writeFile(lock(), '');
  await expect(takeFolder(dir)).rejects.toThrow('Another training');
  const minuteAgo = Date.now() / 1000 - 60;
  await utimes(lock(), minuteAgo, minuteAgo);
  await takeFolder(dir);
});

test('a folder that cannot be is refused by its name', async () => {
  await mkdir(join(dir, 'x'));
  await writeFile(join(dir, 'x', 'file'), '');
  await expect(takeFolder(join(dir, 'x', 'file', 'out'))).rejects.toThrow(
    /output_dir: ".*out" is no folder, or lies in a file\. Name another output_dir\. Nothing was trained\./,
  );
});
