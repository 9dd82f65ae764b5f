/**
 * Saves by the clock, so that a crash costs five minutes at most whatever `save_steps` says. They are for resuming, not
 * for choosing from: all but the newest two go again, and all of them once the run has ended.
 */

export const SAVE_EVERY_MS = 5 * 60_000;
const KEPT = 2;

export class TimedSaves {
  #since: number;
  #asked = false;
  /** Steps of the checkpoints that are here only because of the clock. */
  #steps: number[] = [];

  constructor(now: number) {
    this.#since = now;
  }

  /** Is it time to ask for one? True once per save. */
  due(now: number): boolean {
    if (this.#asked || now - this.#since < SAVE_EVERY_MS) return false;
    this.#asked = true;
    return true;
  }

  /** A checkpoint was kept; `wanted` by a person or the settings. Gives the steps of those to delete. */
  saved(step: number, wanted: boolean, now: number): number[] {
    const timed = this.#asked && !wanted;
    this.#since = now;
    this.#asked = false;
    this.#steps = this.#steps.filter((each) => each !== step);
    if (timed) this.#steps.push(step);
    return this.#steps.splice(0, Math.max(0, this.#steps.length - KEPT));
  }

  /** The run has ended with a checkpoint of its own: the steps of all that go. */
  end(): number[] {
    return this.#steps.splice(0);
  }
}
