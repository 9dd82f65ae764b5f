/**
 * Turns a step's numbers, when they arrive from the GPU, into reports; and decides when a run is beyond help.
 */
import type { StepReport } from '../protocol/trainer';
import type { TrainingStep } from './batches';
import { initialLossScale, nextLossScale, type LossScaleConfig, type LossScaleState } from './loss_scale';
import type { OptimizerReport } from './optimizer';

const SMOOTHING = 0.98;
/** Steps over which the remaining time is estimated. */
const PACE = 20;

interface Pending {
  step: TrainingStep;
  learningRate: number;
  numbers: Promise<[Float32Array, OptimizerReport]>;
}

export class Progress {
  private readonly pending: Pending[] = [];
  private scaling: LossScaleState;
  private since: number;
  /** Seconds of the latest steps, without the first, which compiles. */
  private readonly pace: number[] = [];
  private first = true;

  constructor(
    /** `averageLoss` is the exponential mean so far, biased towards 0 at the start; kept up to date here. */
    private readonly run: { steps: number; averageLoss: number },
    private readonly now: () => number,
    /** The rule by which the GPU scales the loss: says when a run is beyond help. */
    private readonly rule: LossScaleConfig,
  ) {
    this.scaling = initialLossScale(rule);
    this.since = now();
  }

  /** Takes a step's numbers; yields the report of the one before. */
  async *add(
    step: TrainingStep,
    learningRate: number,
    loss: Promise<Float32Array>,
    optimizer: Promise<OptimizerReport>,
  ): AsyncGenerator<StepReport> {
    const numbers = Promise.all([loss, optimizer]);
    // A run that fails before it comes to these must not leave a rejection nobody hears.
    numbers.catch(() => undefined);
    this.pending.push({ step, learningRate, numbers });
    if (this.pending.length > 1) yield await this.report();
  }

  /** Leaves the time since the last step out of the next one's: samples were drawn, files written. */
  resume(): void {
    this.since = this.now();
  }

  /** Waits for all that is under way. */
  async *drain(): AsyncGenerator<StepReport> {
    while (this.pending.length) yield await this.report();
  }

  private async report(): Promise<StepReport> {
    const { step, learningRate, numbers } = this.pending.shift() as Pending;
    const [[loss = NaN], { gradientNorm, lossScale, skipped }] = await numbers;
    const done = step.step + 1;
    const finite = Number.isFinite(loss);
    if (finite) this.run.averageLoss = SMOOTHING * this.run.averageLoss + (1 - SMOOTHING) * loss;
    // The GPU has the scale itself, from before a resumption on; what is followed here is how often it was no help.
    this.scaling = { ...nextLossScale(this.scaling, !skipped, done, this.rule), scale: lossScale };
    const elapsed = (this.now() - this.since) / 1000;
    this.since = this.now();
    if (!this.first) this.pace.push(elapsed);
    if (this.pace.length > PACE) this.pace.shift();
    this.first = false;
    // The median: a laptop that slept for an hour must not make the rest look like a week.
    const typical = this.pace.length ? median(this.pace) : elapsed;
    return {
      kind: 'step',
      step: done,
      steps: this.run.steps,
      epoch: step.epoch + 1,
      loss,
      averageLoss: this.run.averageLoss / (1 - SMOOTHING ** done),
      learningRate,
      gradientNorm,
      lossScale,
      skipped,
      stepSeconds: elapsed,
      etaSeconds: (this.run.steps - done) * typical,
    };
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}
