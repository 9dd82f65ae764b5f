/** A digest worker for as long as there are files to digest. */
import * as Comlink from 'comlink';
import type { Digester } from '../../protocol/digester';

export interface OpenDigester {
  /** Rejects with the signal's reason, or if the file cannot be read. */
  digest(file: Blob, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<string>;
  close(): void;
}

export function openDigester(): OpenDigester {
  const worker = new Worker(new URL('../../../workers/digest.worker.ts', import.meta.url), {
    type: 'module',
    name: 'digest',
  });
  const remote = Comlink.wrap<Digester>(worker);
  const broken = new Promise<never>((_, reject) => {
    worker.onerror = (event) => reject(new Error(event.message));
  });
  broken.catch(() => undefined);
  return {
    digest(file, onProgress, signal) {
      const stopped = new Promise<never>((_, reject) => {
        if (signal.aborted) reject(signal.reason);
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
      stopped.catch(() => undefined);
      return Promise.race([remote.digest(file, Comlink.proxy(onProgress)), broken, stopped]);
    },
    close: () => worker.terminate(),
  };
}
