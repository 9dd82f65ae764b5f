// When a checkpoint or a sample is due: every so many steps, at the end of every so many epochs, or both. The loop, the
// page's marks and its estimate ask the same question here.
import type { TrainConfig } from './config_fields';

export interface Interval {
  /** 0 for never. */
  readonly steps: number;
  readonly epochs: number;
}

export function saveInterval(config: Pick<TrainConfig, 'save_steps' | 'save_every_n_epochs'>): Interval {
  return { steps: config.save_steps, epochs: config.save_every_n_epochs };
}

export function sampleInterval(
  config: Pick<TrainConfig, 'sample_every_n_steps' | 'sample_every_n_epochs'>,
): Interval {
  return { steps: config.sample_every_n_steps, epochs: config.sample_every_n_epochs };
}

/** After `step` steps, counted from 1. */
export function isDue({ steps, epochs }: Interval, step: number, stepsPerEpoch: number): boolean {
  const every = (length: number) => length > 0 && step % length === 0;
  return every(steps) || every(epochs * stepsPerEpoch);
}

/** The steps before the last at which it is due, in order; at most `most` of them. */
export function dueSteps(interval: Interval, last: number, stepsPerEpoch: number, most = Infinity): number[] {
  const lengths = [interval.steps, interval.epochs * stepsPerEpoch].filter((length) => length > 0);
  const found: number[] = [];
  const next = (after: number) =>
    Math.min(...lengths.map((length) => (Math.floor(after / length) + 1) * length));
  for (let step = next(0); step < last && found.length < most; step = next(step)) found.push(step);
  return found;
}
