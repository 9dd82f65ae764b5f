/** A handover worker for as long as a dialog needs one. */
import { hearing, openWorker } from './open_worker';
import type { HandoverWorker } from '../../protocol/handover';

/** As HandoverWorker's; `pack` and `read` reject too where the worker dies. */
export interface OpenHandover extends HandoverWorker {
  close(): void;
}

export function openHandover(): OpenHandover {
  const worker = new Worker(new URL('../../../workers/handover.worker.ts', import.meta.url), {
    type: 'module',
    name: 'handover',
  });
  const { remote, gone, end } = openWorker<HandoverWorker>(worker);
  return {
    pack: (job, to, onProgress) =>
      hearing(onProgress, (heard) => Promise.race([remote.pack(job, to, heard), gone])),
    cancel: () => void remote.cancel(),
    read: (files) => Promise.race([remote.read(files), gone]),
    close: () => end(),
  };
}
