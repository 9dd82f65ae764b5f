/**
 * What a good teacher would say to these settings. Nothing here stops a run: what does is in formats/config.ts.
 */
import type { FieldName, TrainConfig } from '../../formats/config/config_fields';
import { optimizerFacts, type OptimizerKind } from '../../formats/config/optimizers';
import { mainRate } from '../../formats/config/rates';
import { notesOn, samplePictures, type PromptNote } from '../../formats/captions/sample_prompt';
import { drawsSamples } from '../../formats/config/samples';
import type { ProjectFacts } from './project_settings';
import { baseAdvice, type BaseAdviceCode } from '../../formats/families/base_advice';
import { plainFacts, sideOf } from '../../formats/families/plain';
import { familyOfBase } from './base_values';

/** As many as are read of a prompt, in previews and in the results. */
const MOST_TOKENS = 225;

export type AdviceCode =
  | 'text-rate-high'
  | `${OptimizerKind}-rate-high`
  | 'resolution-high'
  | 'alpha-high'
  | 'mirrored-figure'
  | 'trigger-shuffled'
  | 'v-on-sd1'
  | 'offset-high'
  | 'no-prompts'
  | 'prompt-long'
  | `prompt-${PromptNote['code']}`
  | BaseAdviceCode;

export interface Advice {
  readonly field: FieldName;
  readonly code: AdviceCode;
}

/** `tokensOf` counts a prompt's, once it can. */
export function adviceOn(
  config: TrainConfig,
  project: ProjectFacts,
  tokensOf: (text: string) => number | undefined = () => undefined,
): Advice[] {
  const { field, rate } = mainRate(config);
  const drawn = drawsSamples(config);
  const long = samplePictures(config).some(({ prompt, negative }) =>
    [prompt, negative].some((text) => (tokensOf(text) ?? 0) > MOST_TOKENS),
  );
  const demo = project.base?.where.in === 'demo';
  const family = familyOfBase(project.base);
  const side = sideOf(plainFacts[family ?? 'sd1'], project.base?.marks?.prediction);
  const unetRate = config.unet_lr ?? config.learning_rate;
  const textRate = config.text_encoder_lr ?? config.learning_rate;
  const { high, highForDemo } = optimizerFacts[config.optimizer].rates;
  const given: [boolean, FieldName, AdviceCode][] = [
    [
      config.train_unet && config.train_text_encoder && textRate > unetRate,
      'text_encoder_lr',
      'text-rate-high',
    ],
    [rate > (demo ? highForDemo : high), field, `${config.optimizer}-rate-high`],
    [config.resolution > (demo ? 128 : 1.5 * side), 'resolution', 'resolution-high'],
    [(config.lora_alpha ?? 0) > 2 * config.lora_rank, 'lora_alpha', 'alpha-high'],
    [config.flip_aug && project.purpose === 'character', 'flip_aug', 'mirrored-figure'],
    [
      config.shuffle_caption && config.keep_tokens === 0 && project.trigger.trim() !== '',
      'keep_tokens',
      'trigger-shuffled',
    ],
    [config.v_parameterization && predictsNoise(project.base), 'v_parameterization', 'v-on-sd1'],
    [config.noise_offset > 0.15, 'noise_offset', 'offset-high'],
    [config.sample_every_n_steps > 0 && config.sample_prompts.length === 0, 'sample_prompts', 'no-prompts'],
    [drawn && long, 'sample_prompts', 'prompt-long'],
    ...(drawn ? notesOn([...config.sample_prompts, config.sample_negative_prompt]) : []).map(
      ({ code }): [boolean, FieldName, AdviceCode] => [true, 'sample_prompts', `prompt-${code}`],
    ),
  ];
  const ofBase = family && !demo ? baseAdvice(config, plainFacts[family], project.base?.marks ?? {}) : [];
  return [...ofBase, ...given.filter(([holds]) => holds).map(([, field, code]) => ({ field, code }))];
}

/** Whether the base model's family does, where the checkpoint says nothing of it. */
function predictsNoise(base: ProjectFacts['base']): boolean {
  if (!base || base.marks?.prediction) return false;
  return plainFacts[familyOfBase(base) ?? 'sd1'].prediction === 'epsilon';
}
