/**
 * A reader worker for as long as something is asked of it. What a file holds is read there and not on the page, which a
 * large one would hold up for seconds (docs/reliability.md has the times).
 */
import type { Remote } from 'comlink';
import type { Readers } from '../../formats/reading/readers';
import type { Digester } from '../../protocol/digester';
import { openWorker } from './open_worker';

/** Rejects as what is asked does, when the worker dies, or with the signal's reason. */
export async function withReader<T>(
  work: (reader: Remote<Digester & Readers>) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  signal?.throwIfAborted();
  const worker = new Worker(new URL('../../../workers/reader.worker.ts', import.meta.url), {
    type: 'module',
    name: 'reader',
  });
  const { remote, gone, end } = openWorker<Digester & Readers>(worker);
  const stop = () => end(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work(remote), gone]);
  } finally {
    signal?.removeEventListener('abort', stop);
    end();
  }
}
