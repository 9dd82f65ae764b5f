/**
 * A worker of the page, and every way in which it is heard to be gone: an error while it starts or that nothing in it
 * caught, an answer that cannot be read, and, of one that holds a lock of its own, that the browser freed the lock. A call
 * to a worker that is gone would never settle: race it with `gone`.
 */
import * as Comlink from 'comlink';

export interface OpenWorker<T> {
  readonly remote: Comlink.Remote<T>;
  /** Rejects when the worker is gone: with `WorkerGone`, or with what `end` was given; never resolves. */
  readonly gone: Promise<never>;
  /** Ends it with all it holds; without a reason `gone` stays as it is, as nobody is to hear of it. */
  end(why?: unknown): void;
}

/** It died by itself. The message is the browser's, and may be empty. */
export class WorkerGone extends Error {
  override readonly name = 'WorkerGone';
}

/** `lock`: the name of a lock that the worker takes before its first word. Where there are no locks, it tells nothing. */
export function openWorker<T>(worker: Worker, lock?: string): OpenWorker<T> {
  let end: OpenWorker<T>['end'] = () => undefined;
  const gone = new Promise<never>((_, reject) => {
    end = (why) => {
      worker.terminate();
      if (why !== undefined) reject(why);
    };
  });
  gone.catch(() => undefined);
  worker.onerror = (event) => end(new WorkerGone(event.message));
  worker.onmessageerror = () => end(new WorkerGone('An answer of the worker could not be read.'));
  if (lock !== undefined) {
    const silent = () => end(new WorkerGone('The worker ended by itself.'));
    worker.addEventListener('message', () => void whenFree(lock).then(silent), { once: true });
  }
  return { remote: Comlink.wrap<T>(worker), gone, end };
}

/**
 * A worker for as long as something is asked of it: what it holds is gone with it. Rejects as what is asked does, or when the
 * worker dies. `onAbort` is what happens to one that is busy when `signal` is aborted.
 */
export async function whileWorking<T, R>(
  open: () => Worker,
  work: (remote: Comlink.Remote<T>) => Promise<R>,
  signal: AbortSignal | undefined,
  onAbort: (opened: OpenWorker<T>) => void,
): Promise<R> {
  signal?.throwIfAborted();
  const opened = openWorker<T>(open());
  const stop = () => onAbort(opened);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work(opened.remote), opened.gone]);
  } finally {
    signal?.removeEventListener('abort', stop);
    opened.end();
  }
}

/**
 * `work` with a callback for a worker to tell its progress by. What is told comes through a port of its own and may arrive
 * after the result: it is not heard any more then.
 */
export async function hearing<P extends unknown[], R>(
  hear: (...progress: P) => void,
  work: (tell: (...progress: P) => void) => Promise<R>,
): Promise<R> {
  let over = false;
  try {
    return await work(
      Comlink.proxy((...progress: P) => {
        if (!over) hear(...progress);
      }),
    );
  } finally {
    over = true;
  }
}

/** Resolves when nobody holds the lock any more; never, where there are no locks. */
function whenFree(name: string): Promise<void> {
  // Over plain http the browser has none.
  const { locks } = navigator as Partial<Navigator>;
  return locks ? locks.request(name, () => undefined) : new Promise(() => undefined);
}
