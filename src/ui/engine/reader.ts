/**
 * A reader worker for as long as something is asked of it. What a file holds is read there and not on the page, which a
 * large one would hold up for seconds (docs/reliability.md has the times).
 */
import * as Comlink from 'comlink';
import type { Readers } from '../../formats/reading/readers';
import type { Digester } from '../../protocol/digester';

/** Rejects as what is asked does, when the worker dies, or with the signal's reason. */
export async function withReader<T>(
  work: (reader: Comlink.Remote<Digester & Readers>) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  signal?.throwIfAborted();
  const worker = new Worker(new URL('../../../workers/reader.worker.ts', import.meta.url), {
    type: 'module',
    name: 'reader',
  });
  const broken = new Promise<never>((_, reject) => {
    worker.onerror = (event) => reject(new Error(event.message));
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  try {
    return await Promise.race([work(Comlink.wrap<Digester & Readers>(worker)), broken]);
  } finally {
    worker.terminate();
  }
}
