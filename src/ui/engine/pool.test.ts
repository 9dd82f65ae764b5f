/** The pool keeps its workers busy, survives those that die, and ends when it is closed. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { PictureReading } from '../../protocol/pictures';
import { openPool, type PoolWorker } from './pool';

const fine: PictureReading = { ok: false, refusal: 'empty' };
const undecodable: PictureReading = { ok: false, refusal: 'not-decodable' };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('As many workers as asked for, each with one file at a time', async () => {
  const workers = workersThat(() => later(10));
  const pool = openPool(2, workers.start);
  const reads = [1, 2, 3, 4, 5].map((size) => pool.read(new Blob([new Uint8Array(size)])));
  await vi.advanceTimersByTimeAsync(10);
  expect([workers.started(), workers.busiest()]).toEqual([2, 2]);
  await vi.advanceTimersByTimeAsync(20);
  expect(await Promise.all(reads)).toEqual(Array(5).fill(fine));
  expect(workers.started()).toBe(2);
});

test('A file that kills its worker or never ends is given up, and the others are read', async () => {
  const workers = workersThat((file) => {
    if (file.type === 'bad/dies') return Promise.reject(new Error('out of memory'));
    return file.type === 'bad/hangs' ? new Promise(() => undefined) : later(1);
  });
  const pool = openPool(1, workers.start);
  const reads = ['', 'bad/dies', '', 'bad/hangs', ''].map((type) => pool.read(new Blob([], { type })));
  await vi.advanceTimersByTimeAsync(61_000);
  expect(await Promise.all(reads)).toEqual([fine, undecodable, fine, undecodable, fine]);
  expect([workers.started(), workers.closed()]).toEqual([3, 2]);
});

test('Where no worker ever answers it is an error of the studio, not of the file', async () => {
  const pool = openPool(1, workersThat(() => Promise.reject(new Error('no such script'))).start);
  await expect(pool.read(new Blob())).rejects.toThrow(/Reload the page/);
});

test('Closed, it ends its workers and starts no other', async () => {
  const workers = workersThat(() => new Promise(() => undefined));
  const pool = openPool(2, workers.start);
  const reads = [1, 2, 3].map(() => pool.read(new Blob()));
  await vi.advanceTimersByTimeAsync(1);
  pool.close();
  expect(workers.closed()).toBe(2);
  await vi.advanceTimersByTimeAsync(61_000);
  expect((await Promise.all(reads)).every(({ ok }) => !ok)).toBe(true);
  expect(workers.started()).toBe(2);
});

function later(ms: number): Promise<PictureReading> {
  return new Promise((resolve) => setTimeout(() => resolve(fine), ms));
}

function workersThat(read: (file: Blob) => Promise<PictureReading>) {
  let started = 0;
  let closed = 0;
  let busy = 0;
  let busiest = 0;
  const start = (): PoolWorker => {
    started++;
    return {
      async read(file) {
        busiest = Math.max(busiest, ++busy);
        return read(file).finally(() => busy--);
      },
      broken: new Promise(() => undefined),
      close: () => void closed++,
    };
  };
  return { start, started: () => started, closed: () => closed, busiest: () => busiest };
}
