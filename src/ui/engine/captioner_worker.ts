/**
 * The page's one captioner worker: started when first needed and soon ended, as its memory and GPU are wanted for
 * training. Small, for what starts a run has it, too. What is asked of the worker is `session`'s to say.
 */
import type { Remote } from 'comlink';
import type { Captioner } from '../../protocol/captioner';
import { openWorker } from './open_worker';

export interface HeldCaptioner {
  remote: Remote<Captioner>;
  /** Rejects with `CaptionerGone` when the worker has ended, whoever ended it; never resolves. */
  gone: Promise<never>;
}

/** The worker is no more. `lost`: not because the page wanted it so. */
export class CaptionerGone extends Error {
  override name = 'CaptionerGone';
  constructor(
    readonly lost: boolean,
    sentence: string,
  ) {
    super(sentence);
  }
}

interface Running extends HeldCaptioner {
  end(gone: CaptionerGone): void;
}

let running: Running | undefined;

/** The worker, started if there is none. */
export function captionerWorker(): HeldCaptioner {
  running ??= start();
  return running;
}

/** Ends the worker with all it holds. What waits for it is rejected. */
export function endCaptionerWorker(lost = false): void {
  const ending = running;
  running = undefined;
  ending?.end(new CaptionerGone(lost, 'The captioner was ended.'));
}

function start(): Running {
  // The worker holds a lock of its own name: the browser frees it when the worker is gone for whatever reason, and
  // that is the only word the page gets of a worker that was killed.
  const name = `captioner ${crypto.randomUUID()}`;
  const worker = new Worker(new URL('../../../workers/captioner.worker.ts', import.meta.url), {
    type: 'module',
    name,
  });
  const { remote, gone: ended, end } = openWorker<Captioner>(worker, name);
  const gone = ended.catch((error: unknown) => {
    if (running?.remote === remote) running = undefined;
    throw error instanceof CaptionerGone
      ? error
      : new CaptionerGone(true, error instanceof Error ? error.message : String(error));
  });
  gone.catch(() => undefined);
  return { remote, gone, end };
}
