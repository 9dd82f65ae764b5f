/**
 * How a tool is stopped from outside. The first Ctrl-C finishes what is under way and keeps it, the second ends at once;
 * SIGTERM, a closed terminal (SIGHUP) and a closed output (`| head`) stop as the first Ctrl-C does.
 */
import { constants } from 'node:os';

export interface Stopping {
  readonly signal: AbortSignal;
  /** The exit status of what was stopped before its end: 128 and the signal's number, by convention; 0 before that. */
  readonly status: number;
  stop(status: number): void;
}

/** Listens from now on. `sentence` tells what happens now; it is said once, where there is still someone to read it. */
export function stopOnSignals(sentence: string): Stopping {
  const controller = new AbortController();
  let status = 0;
  let pressed: number | undefined;
  const stop = (code: number): boolean => {
    if (controller.signal.aborted) return false;
    status = code;
    controller.abort();
    return true;
  };
  process.on('SIGINT', () => {
    const now = performance.now();
    // One press arrives more than once: from the terminal, and from each process that passes it on.
    if (pressed !== undefined && now - pressed < SAME_PRESS_MS) return;
    if (pressed !== undefined) process.exit(statusOf('SIGINT'));
    pressed = now;
    stop(statusOf('SIGINT'));
    console.log(`\n${sentence} Press Ctrl-C again to leave at once.`);
  });
  for (const name of ['SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      if (stop(statusOf(name))) console.log(`\n${name}: ${sentence}`);
    });
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // A file that is full is no reader who left.
      if (error.code === 'EPIPE' || error.code === 'EIO') stop(statusOf('SIGPIPE'));
    });
  return {
    signal: controller.signal,
    get status() {
      return status;
    },
    stop: (code) => void stop(code),
  };
}

const SAME_PRESS_MS = 1000;

function statusOf(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGPIPE'): number {
  return 128 + constants.signals[signal];
}
