/**
 * What the trainer says a run would be, asked again a moment after the settings, the pictures or the base model have
 * changed; and what each lever of "make it fit" would change of it. One question at a time: an answer to a question
 * that has changed is thrown away.
 */
import { formatConfig } from '../../formats/config/config_format';
import type { TrainConfig } from '../../formats/config/config_fields';
import type { Estimate } from '../../protocol/trainer';
import type { BaseModelRef } from '../../storage/projects';
import { BaseModelUnreadable } from '../base_unreadable';
import { openBase } from '../engine/open_base';
import { withTrainer } from '../engine/trainer_worker';
import {
  canRecompute,
  isOffered,
  leastBudget,
  leverChange,
  leverChanges,
  leverNames,
  recomputing,
  triedUnasked,
  type LeverName,
} from './make_it_fit';
import type { SizedPicture } from './run_length';
import { sentenceOf } from '../sentence';

export interface Question {
  readonly config: TrainConfig;
  readonly base: BaseModelRef;
  readonly pictures: readonly SizedPicture[];
  /** GB of memory that the graphics card has, where the person said so. */
  readonly cardGb: number | undefined;
}

export type Answer =
  | { readonly state: 'none' }
  | { readonly state: 'asking'; readonly before?: Estimate }
  | { readonly state: 'known'; readonly estimate: Estimate }
  | {
      readonly state: 'failed';
      readonly sentence: string;
      readonly unreadable?: BaseModelUnreadable['reason'];
      /** One picture alone needs a piece of memory that this GPU does not give out. */
      readonly tooLarge?: boolean;
    };

/** A lever, the settings it changes and the run with them. */
export interface Lever {
  readonly name: LeverName;
  readonly estimate: Estimate;
}

/** Several levers together, as they would be applied. */
export interface Fitting {
  readonly levers: readonly LeverName[];
  readonly changes: Partial<TrainConfig>;
  readonly estimate: Estimate;
}

const SETTLE_MS = 250;

export class Estimating {
  now: Answer = $state.raw({ state: 'none' });
  levers: readonly Lever[] = $state.raw([]);
  /** Undefined until it is worked out, and while no lever is chosen. */
  fitting: Fitting | undefined = $state.raw();
  chosen: readonly LeverName[] = $state.raw([]);

  #timer: ReturnType<typeof setTimeout> | undefined;
  #question: Question | undefined;
  #key = '';
  /** Counts questions; what an older one started stops by itself. */
  #turn = 0;
  #files: { base: BaseModelRef; blobs: Promise<Blob[]> } | undefined;

  /** Call it with every change; the same question twice is one. Undefined: there is nothing to ask about. */
  ask(question: Question | undefined): void {
    const key = question ? keyOf(question) : '';
    if (key === this.#key) return;
    this.#key = key;
    this.#question = question;
    this.#turn++;
    clearTimeout(this.#timer);
    this.levers = [];
    this.fitting = undefined;
    this.chosen = [];
    if (!question) {
      this.now = { state: 'none' };
      return;
    }
    const before = this.now.state === 'known' ? this.now.estimate : undefined;
    this.now = { state: 'asking', ...(before ? { before } : {}) };
    this.#timer = setTimeout(() => void this.#answer(question, this.#turn), SETTLE_MS);
  }

  /** Asks the same again: the run that was in the way is over, or the file can be read now. */
  again(): void {
    const question = this.#question;
    this.#files = undefined;
    this.ask(undefined);
    this.ask(question);
  }

  /** Chooses levers by hand. */
  async choose(levers: readonly LeverName[]): Promise<void> {
    this.chosen = levers;
    this.fitting = undefined;
    const question = this.#question;
    if (!question || levers.length === 0) return;
    const turn = this.#turn;
    try {
      const fitting = await this.#together(question, levers);
      if (turn === this.#turn && this.chosen === levers) this.fitting = fitting;
    } catch (error) {
      if (turn === this.#turn) this.now = failed(error);
    }
  }

  async #answer(question: Question, turn: number): Promise<void> {
    try {
      const estimate = await this.#estimate(question, {});
      if (turn !== this.#turn) return;
      this.now = { state: 'known', estimate };
      await this.#weigh(question, estimate, turn);
    } catch (error) {
      if (turn === this.#turn) this.now = failed(error);
    }
  }

  /** What each lever is worth; where the run does not fit, the first ones together with which it would are chosen. */
  async #weigh(question: Question, estimate: Estimate, turn: number): Promise<void> {
    for (const name of leverNames) {
      const changes = name === 'recompute' ? undefined : leverChange(name, question.config);
      if (name === 'recompute' ? !canRecompute(estimate) : !changes) continue;
      if (name === 'batch' && estimate.microBatch === 1) continue; // done already
      if (!isOffered(name, estimate)) continue;
      const lever = {
        name,
        estimate: await this.#estimate(question, changes ?? { memory_budget_gb: leastBudget }),
      };
      if (turn !== this.#turn) return;
      if (isOffered(name, estimate, lever.estimate)) this.levers = [...this.levers, lever];
    }
    if (estimate.fits) return;
    const unasked = triedUnasked(this.levers.map(({ name }) => name));
    for (let count = 1; count <= unasked.length; count++) {
      const levers = unasked.slice(0, count);
      const fitting = await this.#together(question, levers);
      if (turn !== this.#turn || this.chosen.length > 0) return;
      if (!fitting.estimate.fits && count < unasked.length) continue;
      this.chosen = fitting.levers;
      this.fitting = fitting;
      return;
    }
  }

  async #together(question: Question, levers: readonly LeverName[]): Promise<Fitting> {
    const changes = leverChanges(levers, question.config);
    const least = levers.includes('recompute');
    const estimate = await this.#estimate(
      question,
      least ? { ...changes, memory_budget_gb: leastBudget } : changes,
    );
    return {
      levers,
      changes: least ? { ...changes, ...recomputing(estimate) } : changes,
      estimate: least ? { ...estimate, fits: true } : estimate,
    };
  }

  async #estimate(
    { config, base, pictures, cardGb }: Question,
    changes: Partial<TrainConfig>,
  ): Promise<Estimate> {
    const blobs = await this.#open(base);
    return withTrainer((trainer) =>
      trainer.estimate({
        config: formatConfig({ ...config, ...changes }),
        base: blobs,
        baseName: base.name,
        images: pictures.map(({ width, height, repeats }) => ({ width, height, repeats })),
        ...(cardGb === undefined ? {} : { cardGb }),
      }),
    );
  }

  #open(base: BaseModelRef): Promise<Blob[]> {
    if (this.#files?.base !== base) {
      const blobs = openBase(base);
      this.#files = { base, blobs };
      blobs.catch(() => (this.#files = undefined));
    }
    return this.#files.blobs;
  }
}

/** Everything an estimate depends on; words do not count, but whether there are any. */
function keyOf({ config, base, pictures, cardGb }: Question): string {
  const sizes = pictures.map(({ width, height, repeats }) => `${width}x${height}x${repeats}`);
  const plain = { ...config, output_name: '', training_comment: '', sample_negative_prompt: '' };
  return JSON.stringify([
    { ...plain, sample_prompts: config.sample_prompts.length },
    base.name,
    base.byteLength,
    sizes,
    cardGb,
  ]);
}

function failed(error: unknown): Answer {
  const sentence = sentenceOf(error);
  if (error instanceof Error && error.name === 'BufferTooLargeError')
    return { state: 'failed', sentence, tooLarge: true };
  if (!(error instanceof BaseModelUnreadable)) return { state: 'failed', sentence };
  return { state: 'failed', sentence, unreadable: error.reason };
}
