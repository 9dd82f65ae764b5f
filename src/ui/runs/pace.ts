/**
 * What the times of steps tell: a step's usual time, that the browser froze the tab (or the computer slept), that the run
 * has become slow, or that it is far slower than the GPU is. Pure; a clock that jumps is the only way to notice, for a frozen page sees nothing else of it.
 */

/** Steps by which the usual pace is known. */
const USUAL = 10;
const FROZEN_SECONDS = 60;
const FROZEN_TIMES = 20;
const SLOW_TIMES = 1.6;
/** Gaps between events so short are no news, however many there are. */
const SLOW_SECONDS = 0.2;

/** Steps of which a usual one is told, as the trainer does for the time that is left. */
const TYPICAL = 20;
/** So many steps in a row, each so many times slower than the GPU's speed allows and by more than a second, are told. */
const SPILLING_STEPS = 10;
const SPILLING_TIMES = 4;
const SPILLING_SECONDS = 1;

export interface Verdict {
  /** This step stood still for about so long. */
  frozenSeconds?: number;
  /** The latest steps' pace, where it has become far slower than it was. */
  slow?: { seconds: number; usual: number };
  /** The latest steps' pace, where it is far below what the GPU was measured to do. */
  spilling?: { seconds: number; expected: number };
}

export class Pace {
  readonly #first: number[] = [];
  readonly #latest: number[] = [];
  /** Without the first of a session, which compiles. */
  readonly #steady: number[] = [];
  #begun = false;
  #told = false;
  #toldSpilling = false;
  #behind = 0;

  /** `expected`: seconds of a step by the GPU's measured speed, where that says something. */
  constructor(private readonly expected?: number) {}

  /** The usual time of a step; undefined before the second. */
  get typical(): number | undefined {
    return this.#steady.length ? median(this.#steady) : undefined;
  }

  /** `seconds` of the step just done; `visible`: the page was in front. Each kind of slowness is told once. */
  step(seconds: number, visible = true): Verdict {
    const usual = median(this.#first.length < USUAL ? [...this.#first, ...this.#latest] : this.#first);
    if (this.#first.length >= 3 && seconds > Math.max(FROZEN_SECONDS, FROZEN_TIMES * usual)) {
      return { frozenSeconds: seconds - usual };
    }
    if (this.#begun) this.#steady.push(seconds);
    if (this.#steady.length > TYPICAL) this.#steady.shift();
    const spilling = this.#begun ? this.#spilling(seconds, visible) : undefined;
    this.#begun = true;
    const slow = this.#slow(seconds, usual);
    return { ...(slow ? { slow } : {}), ...(spilling ? { spilling } : {}) };
  }

  #slow(seconds: number, usual: number): Verdict['slow'] {
    if (this.#first.length < USUAL) {
      this.#first.push(seconds);
      return undefined;
    }
    this.#latest.push(seconds);
    if (this.#latest.length > USUAL) this.#latest.shift();
    const now = median(this.#latest);
    if (this.#told || this.#latest.length < USUAL || now < SLOW_TIMES * usual || now < SLOW_SECONDS)
      return undefined;
    this.#told = true;
    return { seconds: now, usual };
  }

  #spilling(seconds: number, visible: boolean): Verdict['spilling'] {
    const { expected } = this;
    if (expected === undefined || this.#toldSpilling) return undefined;
    // A page that is hidden gets less of the GPU: such steps say nothing, for good or ill.
    if (!visible) return undefined;
    const behind = seconds > SPILLING_TIMES * expected && seconds > expected + SPILLING_SECONDS;
    this.#behind = behind ? this.#behind + 1 : 0;
    if (this.#behind < SPILLING_STEPS) return undefined;
    this.#toldSpilling = true;
    return { seconds: median(this.#steady.slice(-SPILLING_STEPS)), expected };
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor(sorted.length / 2)] : 0;
}
