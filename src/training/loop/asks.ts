/**
 * What is asked of a run from outside, for the loop to see between two steps: samples, a save, a pause. Stopping is the
 * run's AbortSignal, which this has too. Knows nothing of what is done about it.
 */
import type { Ask } from '../../protocol/trainer';

export class Asks {
  private readonly stopping = new AbortController();
  private readonly wanted = new Set<'sample' | 'save'>();
  private pausing = false;
  private wake: () => void = () => undefined;

  /** Aborted once 'stop' was asked. */
  get signal(): AbortSignal {
    return this.stopping.signal;
  }

  /** Is the run to wait? Never while it is to stop. */
  get paused(): boolean {
    return this.pausing && !this.signal.aborted;
  }

  ask(what: Ask): void {
    if (what === 'stop') this.stopping.abort();
    else if (what === 'pause' || what === 'resume') this.pausing = what === 'pause';
    else this.wanted.add(what);
    this.wake();
  }

  /** The next thing wanted, a save first; undefined if there is none. */
  take(): 'sample' | 'save' | undefined {
    const next = this.wanted.has('save') ? 'save' : this.wanted.has('sample') ? 'sample' : undefined;
    if (next) this.wanted.delete(next);
    return next;
  }

  /** Resolves when there is something to do: at once, unless the run is paused and nothing is wanted. */
  async attention(): Promise<void> {
    while (this.paused && this.wanted.size === 0) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}
