/**
 * The pictures workers: as many as there are cores to spare, started when there is work. A file that kills its worker
 * or keeps it busy for a minute is given up and the worker replaced; the others go on.
 */
import type { PictureReader, PictureReading } from '../../protocol/pictures';
import { PageError } from '../page_error';
import { openWorker } from './open_worker';

export interface Pool {
  /** Files that are worth having under way. */
  readonly atATime: number;
  /** Rejects only where no worker can be started at all. */
  read(file: Blob): Promise<PictureReading>;
  close(): void;
}

export interface PoolWorker extends PictureReader {
  /** Rejects when the worker dies. */
  broken: Promise<never>;
  close(): void;
}

const GIVE_UP_AFTER_MS = 60_000;

export function openPool(
  size = Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1)),
  start: () => PoolWorker = startWorker,
): Pool {
  const idle: (PoolWorker | undefined)[] = Array.from({ length: size }, () => undefined);
  const waiting: (() => void)[] = [];
  const working = new Set<PoolWorker>();
  let proven = false;
  let closed = false;

  return {
    // One being read and one ready for each worker.
    atATime: 2 * size,
    async read(file) {
      while (idle.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      if (closed) return { ok: false, refusal: 'unreadable' };
      const worker = idle.pop() ?? start();
      working.add(worker);
      const reading = await within(worker, file);
      working.delete(worker);
      if (reading === undefined) worker.close();
      else proven = true;
      idle.push(reading === undefined ? undefined : worker);
      waiting.shift()?.();
      if (reading) return reading;
      if (proven || closed) return { ok: false, refusal: 'not-decodable' };
      throw new PageError('no-picture-reader', {});
    },
    close() {
      closed = true;
      for (const worker of [...working, ...idle]) worker?.close();
      idle.fill(undefined);
    },
  };
}

/** Undefined where the worker died of it or never came back. */
async function within(worker: PoolWorker, file: Blob): Promise<PictureReading | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), GIVE_UP_AFTER_MS);
  });
  try {
    return await Promise.race([worker.read(file), worker.broken, late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function startWorker(): PoolWorker {
  const worker = new Worker(new URL('../../../workers/pictures.worker.ts', import.meta.url), {
    type: 'module',
    name: 'pictures',
  });
  const { remote, gone, end } = openWorker<PictureReader>(worker);
  return { read: (file) => remote.read(file), broken: gone, close: () => end() };
}
