/** How long steps and samples take: their arithmetic over what the GPU was measured to sustain. */
import type { TrainConfig } from '../../formats/config/config_fields';
import { dueSteps, sampleInterval } from '../../formats/config/intervals';
import { drawsSamples } from '../../formats/config/samples';
import type { Estimate } from '../../protocol/trainer';

export interface RunTime {
  readonly stepSeconds: number;
  /** Steps and samples. */
  readonly seconds: number;
  readonly sampleSeconds: number;
}

type Work = Pick<Estimate, 'flopsPerStep' | 'efficiency' | 'recomputedBlocks' | 'blocks' | 'stepsPerEpoch'>;

/** `gflops` as the probe measured it. */
export function runTime(work: Work, config: TrainConfig, steps: number, gflops: number): RunTime {
  const rate = gflops * 1e9 * work.efficiency;
  const stepSeconds = work.flopsPerStep / rate;
  const sampleSeconds = sampleCount(config, steps, work.stepsPerEpoch) * (sampleFlops(work, config) / rate);
  return { stepSeconds, sampleSeconds, seconds: steps * stepSeconds + sampleSeconds };
}

/** Before the first step, wherever they are due, and after the last: as the trainer draws them. */
function sampleCount(config: TrainConfig, steps: number, stepsPerEpoch: number): number {
  if (!drawsSamples(config)) return 0;
  return config.sample_prompts.length * (2 + dueSteps(sampleInterval(config), steps, stepsPerEpoch).length);
}

/** A step is forward, backward of about 1.3 forwards, and what is recomputed; a sample two forwards a step. */
function sampleFlops({ flopsPerStep, recomputedBlocks, blocks }: Work, config: TrainConfig): number {
  const passes = config.batch_size * config.gradient_accumulation_steps;
  const forward = flopsPerStep / passes / (2.3 + recomputedBlocks / blocks);
  return 2 * config.sample_steps * forward;
}
