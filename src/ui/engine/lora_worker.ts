/** A LoRA worker for as long as something is asked of it: what it read is gone with it. */
import type { Remote } from 'comlink';
import type { LoraTools } from '../../protocol/lora_tools';
import { openWorker } from './open_worker';

/**
 * Rejects as what is asked does, or when the worker dies. `signal` ends it: what is under way is stopped and cleared away,
 * and it rejects with an AbortError.
 */
export async function withLoraWorker<T>(
  work: (tools: Remote<LoraTools>) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  signal?.throwIfAborted();
  const worker = new Worker(new URL('../../../workers/lora.worker.ts', import.meta.url), {
    type: 'module',
    name: 'lora',
  });
  const { remote, gone, end } = openWorker<LoraTools>(worker);
  const stop = () => void remote.stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work(remote), gone]);
  } finally {
    signal?.removeEventListener('abort', stop);
    end();
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
