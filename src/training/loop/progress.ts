/**
 * Turns a step's numbers, when they arrive from the GPU, into reports; says when a run has diverged, and decides when it
 * is beyond help.
 */
import { checkGpu } from '../../kernels/device';
import type { StepReport, TrainEvent } from '../../protocol/trainer';
import type { TrainingStep } from '../data/batches';
import { divergence, type Loss } from './divergence';
import {
  initialLossScale,
  nextLossScale,
  type LossScaleConfig,
  type LossScaleState,
} from '../step/loss_scale';
import type { OptimizerReport } from '../step/optimizer';
import type { Remaining } from '../plan/remaining';

const SMOOTHING = 0.98;
/** Steps over which the remaining time is estimated. */
const PACE = 20;

interface Pending {
  step: TrainingStep;
  numbers: Promise<[Float32Array, OptimizerReport]>;
}

/** What is kept up to date here of the run. */
export interface Followed {
  readonly steps: number;
  /** The exponential mean so far, biased towards 0 at the start, and of how many losses it is. */
  averageLoss: number;
  averageCount: number;
  /** Updates known to have been taken. */
  updates: number;
}

export interface ProgressSettings {
  now: () => number;
  /** The rule by which the GPU scales the loss: says when a run is beyond help. */
  rule: LossScaleConfig;
  /** Batches of a full update; an epoch's last may have fewer. */
  accumulation: number;
  /** The learning rate is one that no run survives. */
  extreme: boolean;
  /** The learning rates of an update, counting from 0 those that were taken. */
  rates: (update: number) => Pick<StepReport, 'learningRate' | 'textLearningRate'>;
  /** Bytes of GPU memory that are held now. */
  gpuBytes: () => number;
  /** The time that is left, samples and checkpoints among it. */
  remaining: Remaining;
}

export class Progress {
  private readonly pending: Pending[] = [];
  private scaling: LossScaleState;
  private since: number;
  /** Seconds of the latest steps, without the first, which compiles. */
  private readonly pace: number[] = [];
  private first = true;
  /** Since this process took the run up; undefined once it was told that they diverge. */
  private losses: Loss[] | undefined = [];

  constructor(
    private readonly run: Followed,
    private readonly settings: ProgressSettings,
  ) {
    this.scaling = initialLossScale(settings.rule);
    this.since = settings.now();
  }

  /** Takes a step's numbers; yields the report of the one before. */
  async *add(
    step: TrainingStep,
    loss: Promise<Float32Array>,
    optimizer: Promise<OptimizerReport>,
  ): AsyncGenerator<TrainEvent> {
    const numbers = Promise.all([loss, optimizer]);
    // A run that fails before it comes to these must not leave a rejection nobody hears.
    numbers.catch(() => undefined);
    this.pending.push({ step, numbers });
    if (this.pending.length > 1) yield* this.report();
  }

  /** Leaves the time since the last step out of the next one's: samples were drawn, files written. */
  resume(): void {
    this.since = this.settings.now();
  }

  /** Passes on what happens between two steps, and learns from it how long the next will take. */
  async *during(what: 'sample' | 'save', events: AsyncIterable<TrainEvent>): AsyncGenerator<TrainEvent> {
    const from = this.settings.now();
    yield* events;
    this.settings.remaining.add(what, (this.settings.now() - from) / 1000);
  }

  /** Waits for all that is under way. */
  async *drain(): AsyncGenerator<TrainEvent> {
    while (this.pending.length) yield* this.report();
  }

  private async *report(): AsyncGenerator<TrainEvent> {
    const { step, numbers } = this.pending.shift() as Pending;
    const [[sum = NaN], { gradientNorm, lossScale, skipped, updates }] = await numbers;
    checkGpu();
    const done = step.step + 1;
    // Its gradient is divided by a full update's batches, as accelerate does; what is shown is the mean of its own.
    const loss = (sum * this.settings.accumulation) / step.batches.length;
    if (Number.isFinite(loss)) {
      this.run.averageLoss = SMOOTHING * this.run.averageLoss + (1 - SMOOTHING) * loss;
      this.run.averageCount++;
    }
    this.run.updates = updates;
    // The GPU has the scale itself, from before a resumption on; what is followed here is how often it was no help.
    this.scaling = {
      ...nextLossScale(this.scaling, !skipped, done, this.settings.rule),
      scale: lossScale,
    };
    const { elapsed, typical } = this.time();
    yield {
      kind: 'step',
      step: done,
      steps: this.run.steps,
      epoch: step.epoch + 1,
      loss,
      averageLoss: this.run.averageLoss / (1 - SMOOTHING ** this.run.averageCount),
      ...this.settings.rates(skipped ? updates : updates - 1),
      gradientNorm,
      lossScale,
      skipped,
      stepSeconds: elapsed,
      gpuBytes: this.settings.gpuBytes(),
      etaSeconds: this.settings.remaining.after(done, typical),
    };
    yield* this.watch({ step: done, loss });
  }

  private time(): { elapsed: number; typical: number } {
    const elapsed = (this.settings.now() - this.since) / 1000;
    this.since = this.settings.now();
    if (!this.first) this.pace.push(elapsed);
    if (this.pace.length > PACE) this.pace.shift();
    this.first = false;
    // The median: a laptop that slept for an hour must not make the rest look like a week.
    return { elapsed, typical: this.pace.length ? median(this.pace) : elapsed };
  }

  private *watch(latest: Loss): Generator<TrainEvent> {
    if (!this.losses || !Number.isFinite(latest.loss)) return;
    this.losses.push(latest);
    const found = divergence(this.losses, this.settings.extreme);
    if (!found) return;
    this.losses = undefined;
    yield { kind: 'diverged', step: latest.step, ...found };
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
