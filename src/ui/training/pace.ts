/**
 * What the times of steps tell: that the browser froze the tab (or the computer slept), that the run has become slow.
 * Pure; a clock that jumps is the only way to notice, for a frozen page sees nothing else of it.
 */

/** Steps by which the usual pace is known. */
const USUAL = 10;
const FROZEN_SECONDS = 60;
const FROZEN_TIMES = 20;
const SLOW_TIMES = 1.6;
/** Gaps between events so short are no news, however many there are. */
const SLOW_SECONDS = 0.2;

export interface Verdict {
  /** This step stood still for about so long. */
  frozenSeconds?: number;
  /** The latest steps' pace, where it has become far slower than it was. */
  slow?: { seconds: number; usual: number };
}

export class Pace {
  readonly #first: number[] = [];
  readonly #latest: number[] = [];
  #told = false;

  /** `seconds` of the step just done. Slowness is told once. */
  step(seconds: number): Verdict {
    const usual = median(this.#first.length < USUAL ? [...this.#first, ...this.#latest] : this.#first);
    if (this.#first.length >= 3 && seconds > Math.max(FROZEN_SECONDS, FROZEN_TIMES * usual)) {
      return { frozenSeconds: seconds - usual };
    }
    if (this.#first.length < USUAL) {
      this.#first.push(seconds);
      return {};
    }
    this.#latest.push(seconds);
    if (this.#latest.length > USUAL) this.#latest.shift();
    const now = median(this.#latest);
    if (this.#told || this.#latest.length < USUAL || now < SLOW_TIMES * usual || now < SLOW_SECONDS)
      return {};
    this.#told = true;
    return { slow: { seconds: now, usual } };
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor(sorted.length / 2)] : 0;
}
