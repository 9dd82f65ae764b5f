/** A handover worker for as long as a dialog needs one. */
import * as Comlink from 'comlink';
import type { HandoverWorker, OutgoingJob, Returned, ReturnedFile } from '../../protocol/handover';

export interface OpenHandover {
  /** As HandoverWorker's; rejects too where the worker dies. */
  pack(
    job: OutgoingJob,
    to: FileSystemFileHandle | undefined,
    onProgress: (pictures: number) => void,
  ): Promise<Blob | undefined>;
  /** `pack` then rejects with AbortError. */
  cancel(): void;
  read(files: ReturnedFile[]): Promise<Returned>;
  close(): void;
}

export function openHandover(): OpenHandover {
  const worker = new Worker(new URL('../../../workers/handover.worker.ts', import.meta.url), {
    type: 'module',
    name: 'handover',
  });
  const remote = Comlink.wrap<HandoverWorker>(worker);
  const broken = new Promise<never>((_, reject) => {
    worker.onerror = (event) => reject(new Error(event.message));
  });
  broken.catch(() => undefined);
  return {
    pack: (job, to, onProgress) => Promise.race([remote.pack(job, to, Comlink.proxy(onProgress)), broken]),
    cancel: () => void remote.cancel(),
    read: (files) => Promise.race([remote.read(files), broken]),
    close: () => worker.terminate(),
  };
}
