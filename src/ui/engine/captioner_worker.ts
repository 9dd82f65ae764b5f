/**
 * The page's one captioner worker: started when first needed and soon ended, as its memory and GPU are wanted for
 * training. Small, for what starts a run has it, too. What is asked of the worker is `session`'s to say.
 */
import * as Comlink from 'comlink';
import type { Captioner } from '../../protocol/captioner';

export interface HeldCaptioner {
  remote: Comlink.Remote<Captioner>;
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
  running?.end(new CaptionerGone(lost, 'The captioner was ended.'));
}

function start(): Running {
  // The worker holds a lock of its own name: the browser frees it when the worker is gone for whatever reason, and
  // that is the only word the page gets of a worker that was killed.
  const name = `captioner ${crypto.randomUUID()}`;
  const worker = new Worker(new URL('../../../workers/captioner.worker.ts', import.meta.url), {
    type: 'module',
    name,
  });
  const remote = Comlink.wrap<Captioner>(worker);
  let end: Running['end'] = () => undefined;
  const gone = new Promise<never>((_, reject) => {
    end = (why) => {
      if (running?.gone === gone) running = undefined;
      worker.terminate();
      reject(why);
    };
  });
  gone.catch(() => undefined);
  worker.onerror = (event) => end(new CaptionerGone(true, event.message));
  const silent = () => end(new CaptionerGone(true, 'The captioner ended by itself.'));
  // It takes the lock before it says its first word.
  worker.addEventListener('message', () => void whenFree(name).then(silent), { once: true });
  return { remote, gone, end };
}

/** Resolves when nobody holds the lock any more; never, where there are no locks. */
function whenFree(name: string): Promise<void> {
  // Over plain http the browser has none.
  const { locks } = navigator as Partial<Navigator>;
  return locks ? locks.request(name, () => undefined) : new Promise(() => undefined);
}
