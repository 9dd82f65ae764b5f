/**
 * How long a run still takes: its steps at their usual pace, and the samples and checkpoints that come between and after
 * them, each at what the latest took. Before any was drawn, samples are reckoned from the arithmetic of a step.
 */
import type { TrainConfig } from '../../formats/config/config_fields';
import { dueSteps, sampleInterval, saveInterval } from '../../formats/config/intervals';
import { drawsSamples } from '../../formats/config/samples';

/** A step's forward, the backward pass of about 1.3 forwards, and half of the blocks once more. */
const FORWARDS_OF_A_STEP = 2.8;

export class Remaining {
  private readonly due: Record<'sample' | 'save', number[]>;
  private readonly took: Partial<Record<'sample' | 'save', number>> = {};

  constructor(
    private readonly config: TrainConfig,
    private readonly steps: number,
    stepsPerEpoch: number,
  ) {
    const until = (found: number[]) => [...found, steps];
    this.due = {
      sample: drawsSamples(config) ? until(dueSteps(sampleInterval(config), steps, stepsPerEpoch)) : [],
      save: until(dueSteps(saveInterval(config), steps, stepsPerEpoch)),
    };
  }

  /** All samples of a step, or a checkpoint, took so many seconds. */
  add(what: 'sample' | 'save', seconds: number): void {
    this.took[what] = seconds;
  }

  /** Seconds after the `done`-th step, whose own samples and checkpoint are still to come. */
  after(done: number, stepSeconds: number): number {
    const count = (what: 'sample' | 'save') => this.due[what].filter((step) => step >= done).length;
    const sample = this.took.sample ?? this.reckoned(stepSeconds);
    return (
      (this.steps - done) * stepSeconds + count('sample') * sample + count('save') * (this.took.save ?? 0)
    );
  }

  /** With guidance every sampling step is two forwards of a picture. */
  private reckoned(stepSeconds: number): number {
    const { sample_prompts, sample_steps, batch_size, gradient_accumulation_steps } = this.config;
    const forward = stepSeconds / (batch_size * gradient_accumulation_steps * FORWARDS_OF_A_STEP);
    return sample_prompts.length * sample_steps * 2 * forward;
  }
}
