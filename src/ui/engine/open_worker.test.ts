import { expect, it, vi } from 'vitest';
import { hearing, openWorker, WorkerGone } from './open_worker';

/** A worker of which only the ways of dying are there. */
class Dying extends EventTarget {
  onerror: ((event: { message: string }) => void) | null = null;
  onmessageerror: (() => void) | null = null;
  terminated = 0;
  postMessage(): void {}
  start(): void {}
  terminate(): void {
    this.terminated++;
  }
}

function opened(lock?: string) {
  const worker = new Dying();
  return { worker, open: openWorker<object>(worker as unknown as Worker, lock) };
}

it('an error, and an answer that cannot be read, end it with what the browser says', async () => {
  const failed = opened();
  failed.worker.onerror?.({ message: 'out of memory' });
  await expect(failed.open.gone).rejects.toThrow(new WorkerGone('out of memory'));
  expect(failed.worker.terminated).toBe(1);
  const garbled = opened();
  garbled.worker.onmessageerror?.();
  await expect(garbled.open.gone).rejects.toBeInstanceOf(WorkerGone);
});

it('ended by the page, it rejects with the reason given', async () => {
  const { worker, open } = opened();
  const why = new Error('no longer wanted');
  open.end(why);
  await expect(open.gone).rejects.toBe(why);
  expect(worker.terminated).toBe(1);
});

it('a lock that the browser frees tells of one that was killed, once it has spoken', async () => {
  let free: () => void = () => undefined;
  const request = vi.fn(() => new Promise<void>((resolve) => (free = resolve)));
  vi.stubGlobal('navigator', { locks: { request } });
  try {
    const { worker, open } = opened('a lock');
    expect(request).not.toHaveBeenCalled();
    worker.dispatchEvent(new Event('message'));
    worker.dispatchEvent(new Event('message'));
    expect(request).toHaveBeenCalledExactlyOnceWith('a lock', expect.any(Function));
    free();
    await expect(open.gone).rejects.toThrow('ended by itself');
  } finally {
    vi.unstubAllGlobals();
  }
});

it('progress that arrives after the result, or after a failure, is not heard', async () => {
  const heard: number[] = [];
  let tell: (done: number) => void = () => undefined;
  const work = (give: typeof tell) => {
    tell = give;
    tell(1);
    return Promise.resolve('made');
  };
  await expect(hearing((done: number) => void heard.push(done), work)).resolves.toBe('made');
  tell(2);
  const failing = (give: typeof tell) => {
    tell = give;
    return Promise.reject(new Error('no room'));
  };
  await expect(hearing((done: number) => void heard.push(done), failing)).rejects.toThrow('no room');
  tell(3);
  expect(heard).toEqual([1]);
});
