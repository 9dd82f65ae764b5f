/**
 * Whether the trainer is still there: it is asked every few seconds, and what it tells is listened to. A worker that does
 * not answer has hung or is gone; one that answers while no step comes waits for a GPU that does not. Nothing is ended
 * here: a word of it, however late, and all is well again. Pure but for the asking; the clock is the caller's.
 */

export type Silence = 'worker' | 'gpu';

/** What the run is doing, as far as it says how long a silence may be. */
export interface Pulse {
  /** Steps of a known length; something that may take long (loading, compiling, samples, a last save); a pause. */
  readonly doing: 'steps' | 'long' | 'pause';
  /** A usual step's. */
  readonly stepSeconds: number;
  /** The GPU is the CPU: it has other work, and all of it is slow. */
  readonly software: boolean;
}

export interface Watched {
  /** Settles when the worker has answered. Undefined where there is no worker to ask. */
  ask(): Promise<unknown> | undefined;
  pulse(): Pulse;
  silent(what: Silence): void;
  /** What was silent is not any more. */
  back(): void;
}

export const TICK_MS = 5000;
/**
 * What a tick counts for at most. In a hidden tab one comes a minute; after a night's sleep, one for all of it: the worker
 * slept as long, and has had no time to answer yet.
 */
const MOST_TICK_MS = 3 * TICK_MS;

const ANSWER_SECONDS = 30;
const STEPS = 10;
/** Drivers end by themselves, within seconds, what hangs in them: short steps do not make this shorter. */
const STILL_SECONDS = 60;
const LONG_SECONDS = 15 * 60;
const SOFTWARE_TIMES = 4;

export class Heartbeat {
  /** Milliseconds since the last word of any kind, and since the last that was about the run. */
  #quiet = 0;
  #still = 0;
  #at: number | undefined;
  #asking = false;
  #silent: Silence | undefined;

  constructor(private readonly watched: Watched) {}

  /** It told something of the run. */
  heard(): void {
    this.#quiet = 0;
    this.#still = 0;
    this.#over();
  }

  /** Every `TICK_MS`, or when the browser gets round to it; `now` in milliseconds. */
  tick(now: number): void {
    const passed = Math.min(Math.max(0, now - (this.#at ?? now)), MOST_TICK_MS);
    this.#at = now;
    const pulse = this.watched.pulse();
    this.#quiet += passed;
    this.#still = pulse.doing === 'pause' ? 0 : this.#still + passed;
    const { worker, gpu } = patience(pulse);
    if (this.#silent === undefined) {
      if (this.#quiet > worker) this.#is('worker');
      else if (this.#still > gpu) this.#is('gpu');
    }
    this.#ask();
  }

  #ask(): void {
    // One question at a time: a worker that hangs is not to find hundreds of them.
    if (this.#asking) return;
    const answer = this.watched.ask();
    if (!answer) {
      this.#quiet = 0;
      return;
    }
    this.#asking = true;
    const answered = () => {
      this.#asking = false;
      this.#quiet = 0;
      if (this.#silent !== 'worker') return;
      // While it hung it could tell nothing of the run.
      this.#still = 0;
      this.#over();
    };
    answer.then(answered, answered);
  }

  #is(what: Silence): void {
    this.#silent = what;
    this.watched.silent(what);
  }

  #over(): void {
    if (this.#silent === undefined) return;
    this.#silent = undefined;
    this.watched.back();
  }
}

/** How long either may be silent, in milliseconds. */
export function patience({ doing, stepSeconds, software }: Pulse): { worker: number; gpu: number } {
  const slower = (seconds: number) => 1000 * seconds * (software ? SOFTWARE_TIMES : 1);
  if (doing === 'long') return { worker: slower(LONG_SECONDS / 3), gpu: slower(LONG_SECONDS) };
  const steps = STEPS * stepSeconds * 1000;
  return {
    worker: Math.max(slower(ANSWER_SECONDS), doing === 'steps' && software ? steps : 0),
    gpu: Math.max(slower(STILL_SECONDS), steps),
  };
}
