/**
 * What a good teacher would say to these settings. Nothing here stops a run: what does is in formats/config.ts.
 */
import type { FieldName, TrainConfig } from '../../formats/config_fields';
import type { ProjectFacts } from './project_settings';

export type AdviceCode =
  | 'text-rate-high'
  | 'lion-rate-high'
  | 'rate-high'
  | 'resolution-high'
  | 'alpha-high'
  | 'mirrored-figure'
  | 'trigger-shuffled'
  | 'v-on-sd1'
  | 'offset-high'
  | 'no-prompts';

export interface Advice {
  readonly field: FieldName;
  readonly code: AdviceCode;
}

export function adviceOn(config: TrainConfig, project: ProjectFacts): Advice[] {
  const demo = project.base?.where.in === 'demo';
  const unetRate = config.unet_lr ?? config.learning_rate;
  const textRate = config.text_encoder_lr ?? config.learning_rate;
  const lion = config.optimizer === 'lion';
  const given: [boolean, FieldName, AdviceCode][] = [
    [
      config.train_unet && config.train_text_encoder && textRate > unetRate,
      'text_encoder_lr',
      'text-rate-high',
    ],
    [lion && unetRate > 5e-5, 'learning_rate', 'lion-rate-high'],
    [!lion && unetRate > (demo ? 5e-3 : 5e-4), 'learning_rate', 'rate-high'],
    [config.resolution > (demo ? 128 : 768), 'resolution', 'resolution-high'],
    [(config.lora_alpha ?? 0) > 2 * config.lora_rank, 'lora_alpha', 'alpha-high'],
    [config.flip_aug && project.purpose === 'character', 'flip_aug', 'mirrored-figure'],
    [
      config.shuffle_caption && config.keep_tokens === 0 && project.trigger.trim() !== '',
      'keep_tokens',
      'trigger-shuffled',
    ],
    [config.v_parameterization && Boolean(project.base), 'v_parameterization', 'v-on-sd1'],
    [config.noise_offset > 0.15, 'noise_offset', 'offset-high'],
    [config.sample_every_n_steps > 0 && config.sample_prompts.length === 0, 'sample_prompts', 'no-prompts'],
  ];
  return given.filter(([holds]) => holds).map(([, field, code]) => ({ field, code }));
}
