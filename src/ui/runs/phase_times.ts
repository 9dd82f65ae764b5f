/**
 * How long each phase of a run took, and whether it came to its end. The base model comes in two halves around the
 * encoding, samples between steps: one phase each here. Writing files counts as training. Pauses count for nothing.
 */
import type { Phase } from '../../protocol/trainer';
import type { PhaseTime } from './states';

type Shown = PhaseTime['phase'];

const ORDER: readonly Shown[] = ['load', 'encode', 'compile', 'train', 'sample'];
/** These come and go; the others are over when the next begins. */
const RECURRING: readonly Shown[] = ['train', 'sample'];

export class PhaseTimes {
  readonly #spent = new Map<Shown, number>();
  readonly #counted = new Map<Shown, NonNullable<PhaseTime['counted']>>();
  readonly #complete = new Set<Shown>();
  #current: Shown | undefined;
  /** Undefined while the run is paused. */
  #since: number | undefined;

  enter(phase: Phase, now: number): void {
    const next = phase === 'save' ? 'train' : phase;
    const before = this.#current;
    this.#leave(now);
    if (before && before !== next && !RECURRING.includes(before)) this.#complete.add(before);
    this.#complete.delete(next);
    this.#current = next;
    this.#since = now;
    if (!this.#spent.has(next)) this.#spent.set(next, 0);
  }

  count(phase: Phase, done: number, total: number): void {
    if (phase !== 'save') this.#counted.set(phase, { done, total });
  }

  pause(now: number): void {
    this.#add(now);
    this.#since = undefined;
  }

  resume(now: number): void {
    this.#since ??= now;
  }

  /** No phase is under way any more; `finished` if the run came to its end. */
  end(now: number, finished: boolean): void {
    this.#leave(now);
    if (finished) for (const phase of this.#spent.keys()) this.#complete.add(phase);
  }

  /** Seconds of all phases together. */
  total(now: number): number {
    const spent = [...this.#spent.values()].reduce((sum, seconds) => sum + seconds, 0);
    return spent + (this.#since === undefined ? 0 : (now - this.#since) / 1000);
  }

  /** Those that have begun, in order. Loading is not over before the second half of it is. */
  list(): PhaseTime[] {
    return ORDER.filter((phase) => this.#spent.has(phase)).map((phase) => {
      const counted = this.#counted.get(phase);
      return {
        phase,
        seconds: phase === this.#current ? undefined : this.#spent.get(phase),
        complete: this.#complete.has(phase),
        ...(counted ? { counted } : {}),
      };
    });
  }

  #leave(now: number): void {
    this.#add(now);
    this.#current = undefined;
    this.#since = undefined;
  }

  #add(now: number): void {
    if (this.#current === undefined || this.#since === undefined) return;
    this.#spent.set(this.#current, (this.#spent.get(this.#current) ?? 0) + (now - this.#since) / 1000);
  }
}
