/** A LoRA worker for as long as something is asked of it: what it read is gone with it. */
import * as Comlink from 'comlink';
import type { LoraTools } from '../../protocol/lora_tools';

/**
 * Rejects as what is asked does, or when the worker dies. `signal` ends it: what is under way is stopped and cleared away,
 * and it rejects with an AbortError.
 */
export async function withLoraWorker<T>(
  work: (tools: Comlink.Remote<LoraTools>) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  signal?.throwIfAborted();
  const worker = new Worker(new URL('../../../workers/lora.worker.ts', import.meta.url), {
    type: 'module',
    name: 'lora',
  });
  const tools = Comlink.wrap<LoraTools>(worker);
  const broken = new Promise<never>((_, reject) => {
    worker.onerror = (event) => reject(new Error(event.message));
  });
  const stop = () => void tools.stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work(tools), broken]);
  } finally {
    signal?.removeEventListener('abort', stop);
    worker.terminate();
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
