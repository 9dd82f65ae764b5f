/**
 * The parts of the check one after another, within a time budget: what there is no time for is named, and a part that
 * fails is named too and does not keep the next from running. A machine with a GPU is often had only once.
 */
import { forgetErrors, openGpu } from '../../src/kernels/device';
import { flush } from '../../src/kernels/program';

export interface Failure {
  part: string;
  message: string;
}

export class Parts {
  readonly skipped: string[] = [];
  readonly failures: Failure[] = [];
  private readonly started = performance.now();

  /** `say` hears a line of progress now and then, with the seconds since the start before it. */
  constructor(
    private readonly budgetSeconds: number,
    private readonly hear: (line: string) => void,
  ) {}

  get seconds(): number {
    return (performance.now() - this.started) / 1000;
  }

  /** No time is left. */
  get over(): boolean {
    return this.seconds >= this.budgetSeconds;
  }

  skip(part: string): void {
    this.skipped.push(part);
  }

  say(line: string): void {
    this.hear(`${this.seconds.toFixed(0)} s  ${line}`);
  }

  /**
   * Runs a part if there is time left, and gives what it gave; null where it was left out, or failed, or the GPU reported
   * errors meanwhile (then what it measured is void).
   */
  async run<T>(part: string, work: () => Promise<T> | T): Promise<T | null> {
    if (this.over) {
      this.skip(part);
      return null;
    }
    try {
      const result = await work();
      const [error] = await reported();
      if (error !== undefined) throw new Error(`The GPU reported: ${error}`);
      return result;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.failures.push({ part, message });
      this.say(`${part} FAILED: ${message}`);
      await reported().catch(() => undefined);
      return null;
    }
  }
}

/** Errors that the open device reported since the last call. */
async function reported(): Promise<string[]> {
  const gpu = openGpu();
  if (!gpu) return [];
  flush();
  await gpu.device.queue.onSubmittedWorkDone();
  const errors = [...gpu.errors];
  await forgetErrors();
  return errors;
}
