/**
 * The page's one trainer worker: started when first needed, replaced after a lost device. Nothing is remembered in it
 * between two things that are asked of it.
 */
import type { Remote } from 'comlink';
import type { Trainer } from '../../protocol/trainer';
import { PageError } from '../page_error';
import { openWorker } from './open_worker';

interface Running {
  end(): void;
  remote: Remote<Trainer>;
  /** Rejects when the worker dies; never resolves. */
  broken: Promise<never>;
}

let running: Running | undefined;

/**
 * Waits for something the worker was asked, or for the worker to die: a call to a dead worker would never settle.
 * Rejects with a sentence.
 */
export function withTrainer<T>(work: (trainer: Remote<Trainer>) => Promise<T>): Promise<T> {
  const { remote, broken } = started();
  return Promise.race([work(remote), broken]);
}

/** Whether it is still there; settles when it says so. Undefined where no worker is running. */
export function askTrainer(): Promise<unknown> | undefined {
  return running?.remote.alive();
}

/** Ends the worker with all it has on the GPU. The next call starts a new one. */
export function discardTrainerWorker(): void {
  const ending = running;
  running = undefined;
  ending?.end();
}

function started(): Running {
  running ??= start();
  return running;
}

function start(): Running {
  const worker = new Worker(new URL('../../../workers/trainer.worker.ts', import.meta.url), {
    type: 'module',
    name: 'trainer',
  });
  const { remote, gone, end } = openWorker<Trainer>(worker);
  const broken = gone.catch((error: unknown) => {
    if (running?.remote === remote) running = undefined;
    throw error instanceof Error && error.message ? error : new PageError('no-trainer', {});
  });
  broken.catch(() => undefined);
  return { end, remote, broken };
}
