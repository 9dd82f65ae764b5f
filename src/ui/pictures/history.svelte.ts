/** What can be undone and done again: a list of steps, and how far into it we are. Pictures themselves are elsewhere. */
import { joined, type Changes, type Step } from './changes';

interface Taken extends Step {
  readonly together?: string;
}

const LEVELS = 200;

export class History {
  #done: readonly Taken[] = $state.raw([]);
  #undone: readonly Taken[] = $state.raw([]);

  readonly canUndo = $derived(this.#done.length > 0);
  readonly canRedo = $derived(this.#undone.length > 0);

  /**
   * A step was taken. If the one before has the same `together`, both become one: typing a word is one step.
   */
  add(step: Step, together?: string): void {
    const last = this.#done.at(-1);
    if (last && together !== undefined && last.together === together && !this.canRedo) {
      this.#done = [...this.#done.slice(0, -1), { ...joined(last, step), together }];
      return;
    }
    this.#done = [...this.#done, { ...step, together }].slice(-LEVELS);
    this.#undone = [];
  }

  /** The next step is one of its own, whatever its `together`. */
  settle(): void {
    const last = this.#done.at(-1);
    if (last?.together === undefined) return;
    this.#done = [...this.#done.slice(0, -1), { before: last.before, after: last.after }];
  }

  /** What is to be put back. */
  undo(): Changes | undefined {
    this.settle();
    const step = this.#done.at(-1);
    if (!step) return undefined;
    this.#done = this.#done.slice(0, -1);
    this.#undone = [...this.#undone, step];
    return step.before;
  }

  /** What is to be done again. */
  redo(): Changes | undefined {
    this.settle();
    const step = this.#undone.at(-1);
    if (!step) return undefined;
    this.#undone = this.#undone.slice(0, -1);
    this.#done = [...this.#done, step];
    return step.after;
  }

  clear(): void {
    this.#done = [];
    this.#undone = [];
  }
}
