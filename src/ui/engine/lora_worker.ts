/** A LoRA worker for as long as something is asked of it: what it read is gone with it. */
import type { Remote } from 'comlink';
import type { LoraTools } from '../../protocol/lora_tools';
import { whileWorking } from './open_worker';

/**
 * Rejects as what is asked does, or when the worker dies. `signal` ends it: what is under way is stopped and cleared away,
 * and it rejects with an AbortError.
 */
export function withLoraWorker<T>(
  work: (tools: Remote<LoraTools>) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const open = () =>
    new Worker(new URL('../../../workers/lora.worker.ts', import.meta.url), { type: 'module', name: 'lora' });
  return whileWorking(open, work, signal, ({ remote }) => void remote.stop());
}
