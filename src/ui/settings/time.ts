/** How long steps and samples take: their arithmetic over what the GPU was measured to sustain. */
import type { TrainConfig } from '../../formats/config_fields';
import type { Estimate } from '../../protocol/trainer';

export interface RunTime {
  readonly stepSeconds: number;
  /** Steps and samples. */
  readonly seconds: number;
  readonly sampleSeconds: number;
}

type Work = Pick<Estimate, 'flopsPerStep' | 'efficiency' | 'recomputedBlocks' | 'blocks'>;

/** `gflops` as the probe measured it. */
export function runTime(work: Work, config: TrainConfig, steps: number, gflops: number): RunTime {
  const rate = gflops * 1e9 * work.efficiency;
  const stepSeconds = work.flopsPerStep / rate;
  const sampleSeconds = sampleCount(config, steps) * (sampleFlops(work, config) / rate);
  return { stepSeconds, sampleSeconds, seconds: steps * stepSeconds + sampleSeconds };
}

/** Before the first step, every so many steps, and after the last. */
function sampleCount(config: TrainConfig, steps: number): number {
  const { sample_prompts, sample_every_n_steps: every, sample_every_n_epochs: epochs } = config;
  if (every === 0 && epochs === 0) return 0;
  const bySteps = every > 0 ? Math.ceil(steps / every) : 0;
  const byEpochs = epochs > 0 ? Math.ceil(config.epochs / epochs) : 0;
  return sample_prompts.length * (1 + Math.max(bySteps, byEpochs));
}

/** A step is forward, backward of about 1.3 forwards, and what is recomputed; a sample two forwards a step. */
function sampleFlops({ flopsPerStep, recomputedBlocks, blocks }: Work, config: TrainConfig): number {
  const passes = config.batch_size * config.gradient_accumulation_steps;
  const forward = flopsPerStep / passes / (2.3 + recomputedBlocks / blocks);
  return 2 * config.sample_steps * forward;
}
