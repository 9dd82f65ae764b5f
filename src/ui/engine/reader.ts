/**
 * A reader worker for as long as something is asked of it. What a file holds is read there and not on the page, which a
 * large one would hold up for seconds (docs/reliability.md has the times).
 */
import type { Remote } from 'comlink';
import type { Readers } from '../../formats/reading/readers';
import type { Digester } from '../../protocol/digester';
import { whileWorking } from './open_worker';

/** Rejects as what is asked does, when the worker dies, or with the signal's reason. */
export function withReader<T>(
  work: (reader: Remote<Digester & Readers>) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const open = () =>
    new Worker(new URL('../../../workers/reader.worker.ts', import.meta.url), {
      type: 'module',
      name: 'reader',
    });
  return whileWorking(open, work, signal, ({ end }) => end(signal?.reason));
}
