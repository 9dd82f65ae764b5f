/**
 * What a base model's family, and its marks, say against settings: for the page beside the field, for the command line as
 * notes. Nothing here stops a run.
 */
import type { FieldName, TrainConfig } from '../config/config_fields';
import type { Localized } from '../config/language';
import type { FamilyFacts, ModelMarks } from './family_facts';

export type BaseAdviceCode =
  | 'v-marked'
  | 'epsilon-marked'
  | 'zero-snr-marked'
  | 'zero-snr-without-v'
  | 'resolution-below-base'
  | 'longest-below-area'
  | 'steps-too-fine'
  | 'text-skip-unused'
  | 'nf4-experimental'
  | 'pony-words';

export const baseAdviceWords: Readonly<Record<BaseAdviceCode, Localized>> = {
  'v-marked': {
    en: 'This base model predicts v. Without this, pictures turn to noise.',
    zh: '该底模以 v 预测训练。不开启此项，画面会变成噪点。',
  },
  'epsilon-marked': {
    en: 'This base model predicts noise, not v. With this on, pictures turn to noise.',
    zh: '该底模预测噪声而不是 v。开启此项，画面会变成噪点。',
  },
  'zero-snr-marked': {
    en: 'The checkpoint says that its last timestep is noise alone. Without this, what is learned there does not fit it.',
    zh: '该底模标明其最后一个时间步只有噪声。不开启此项，在该处学到的内容与底模不符。',
  },
  'zero-snr-without-v': {
    en: 'Where there is noise alone, a model that predicts noise learns nothing. Turn v-prediction on too, or this off.',
    zh: '只有噪声的时间步里，预测噪声的模型学不到任何东西。请同时开启 v 预测，或关闭此项。',
  },
  'resolution-below-base': {
    en: 'Far below what the base model learned at: faster, but what is learned may not hold at full size.',
    zh: '远低于底模的训练分辨率：更快，但学到的内容在原尺寸下可能不成立。',
  },
  'longest-below-area': {
    en: 'With this limit a wide or tall picture loses area: its bucket cannot be as large as the square. 2 times the resolution leaves it room.',
    zh: '按此上限，宽图或高图会损失面积：它的分桶达不到正方形的面积。设为分辨率的 2 倍即可。',
  },
  'steps-too-fine': {
    en: 'The base model takes multiples of 64 only. With finer steps a run does not start.',
    zh: '该底模只接受 64 的倍数。步长更小时训练无法开始。',
  },
  'text-skip-unused': {
    en: 'SDXL reads the last layer but one in any case; this changes nothing.',
    zh: 'SDXL 固定使用倒数第二层，此项不起作用。',
  },
  'nf4-experimental': {
    en: 'Experimental: where noise dominates, NF4’s own error steers the training, and the LoRA learns to mend a coarser base model than the one it will be used on. int8 does not.',
    zh: '实验性：噪声占主导时，NF4 自身的误差会左右训练，LoRA 会去修补比实际使用的底模更粗糙的底模。int8 没有这个问题。',
  },
  'pony-words': {
    en: 'Pony draws best after its own words of quality: begin sample prompts with score_9, score_8_up, score_7_up.',
    zh: 'Pony 需要自己的质量词：预览提示词请以 score_9, score_8_up, score_7_up 开头。',
  },
};

export interface BaseAdvice {
  readonly field: FieldName;
  readonly code: BaseAdviceCode;
}

/** For a full-size model; the demo's is smaller than its family. */
export function baseAdvice(
  config: TrainConfig,
  { resolution, texts }: Pick<FamilyFacts, 'resolution' | 'texts'>,
  marks: ModelMarks,
): BaseAdvice[] {
  const { side, longest, multipleOf } = resolution;
  const wide = longest > side && side >= 1024;
  const given: [boolean, FieldName, BaseAdviceCode][] = [
    [marks.prediction === 'v' && !config.v_parameterization, 'v_parameterization', 'v-marked'],
    [marks.prediction === 'epsilon' && config.v_parameterization, 'v_parameterization', 'epsilon-marked'],
    [marks.zeroTerminalSnr === true && !config.zero_terminal_snr, 'zero_terminal_snr', 'zero-snr-marked'],
    [config.zero_terminal_snr && !config.v_parameterization, 'zero_terminal_snr', 'zero-snr-without-v'],
    [config.resolution < 0.7 * side && side >= 1024, 'resolution', 'resolution-below-base'],
    [
      wide &&
        config.enable_bucket &&
        !config.bucket_no_upscale &&
        config.max_bucket_reso < 1.5 * config.resolution,
      'max_bucket_reso',
      'longest-below-area',
    ],
    [
      config.enable_bucket && config.bucket_reso_steps % multipleOf !== 0,
      'bucket_reso_steps',
      'steps-too-fine',
    ],
    [texts.length > 1 && config.clip_skip > 1, 'clip_skip', 'text-skip-unused'],
    [config.base_precision === 'nf4', 'base_precision', 'nf4-experimental'],
    [
      marks.lineage === 'pony' &&
        config.sample_prompts.length > 0 &&
        !config.sample_prompts.some((prompt) => /\bscore_\d/.test(prompt)),
      'sample_prompts',
      'pony-words',
    ],
  ];
  return given.filter(([holds]) => holds).map(([, field, code]) => ({ field, code }));
}
