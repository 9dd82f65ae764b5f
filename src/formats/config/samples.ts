/** Whether a run draws samples: with no prompts, or no interval, it draws none at all, not even at its end. */
import type { TrainConfig } from './config_fields';
import { sampleInterval } from './intervals';

export function drawsSamples(
  config: Pick<TrainConfig, 'sample_prompts' | 'sample_every_n_steps' | 'sample_every_n_epochs'>,
): boolean {
  const { steps, epochs } = sampleInterval(config);
  return config.sample_prompts.length > 0 && (steps > 0 || epochs > 0);
}
