/** How long each phase of a run took. The base model comes in two halves around the encoding: one phase here. */
import type { Phase } from '../../protocol/trainer';
import type { PhaseTime } from './states';

type Shown = PhaseTime['phase'];

const ORDER: readonly Shown[] = ['load', 'encode', 'compile', 'train', 'sample'];

export class PhaseTimes {
  readonly #spent = new Map<Shown, number>();
  readonly #counted = new Map<Shown, number>();
  #current: Shown | undefined;
  #since = 0;

  enter(phase: Phase, now: number): void {
    this.leave(now);
    if (phase === 'save') return;
    this.#current = phase;
    this.#since = now;
    if (!this.#spent.has(phase)) this.#spent.set(phase, 0);
  }

  count(phase: Phase, total: number): void {
    if (phase !== 'save') this.#counted.set(phase, total);
  }

  leave(now: number): void {
    if (this.#current) {
      this.#spent.set(this.#current, (this.#spent.get(this.#current) ?? 0) + (now - this.#since) / 1000);
    }
    this.#current = undefined;
  }

  /** Those that have begun, in order. Loading is not over before the second half of it is. */
  list(): PhaseTime[] {
    return ORDER.filter((phase) => this.#spent.has(phase)).map((phase) => ({
      phase,
      seconds: phase === this.#current ? undefined : this.#spent.get(phase),
      ...(this.#counted.has(phase) ? { counted: this.#counted.get(phase) } : {}),
    }));
  }
}
