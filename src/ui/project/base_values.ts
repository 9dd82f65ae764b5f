/**
 * What the base model brings to a project's settings, with the reason that stands beside the field: its family's sizes, what
 * the checkpoint says of itself, and what the makers of a well-known model recommend. It lies over the preset, below what
 * the person set. Sources: the model cards of Pony Diffusion V6 XL, Illustrious XL and NoobAI-XL (V-Pred 1.0).
 */
import type { Lineage } from '../../formats/families/family_facts';
import { plainFacts, type FamilyName } from '../../formats/families/plain';
import type { BaseModelRef } from '../../storage/projects';
import { chosen, type Preset } from './presets';

type Values = Preset['values'];

const ofFamily: Readonly<Partial<Record<FamilyName, Values>>> = {
  sdxl: {
    resolution: chosen(plainFacts.sdxl.resolution.side, 'SDXL learned at 1024.', 'SDXL 以 1024 训练。'),
    max_bucket_reso: chosen(
      plainFacts.sdxl.resolution.longest,
      'Wide and tall pictures keep the area of a square of 1024.',
      '让宽图和高图保持与 1024 正方形相同的面积。',
    ),
    train_text_encoder: chosen(
      false,
      'SDXL’s U-Net learns new words alone; its two text encoders take 1.6 GB more and forget easily.',
      'SDXL 只训练 U-Net 就能学会新词；两个文本编码器要多占 1.6 GB，还容易遗忘。',
    ),
  },
};

const euler = chosen<'euler'>('euler', 'As its makers recommend.', '模型作者推荐。');
const scale = (value: number) => chosen(value, 'As its makers recommend.', '模型作者推荐。');

const ofLineage: Readonly<Record<Lineage, Values>> = {
  pony: { sample_sampler: euler, sample_cfg_scale: scale(7) },
  illustrious: { sample_sampler: euler, sample_cfg_scale: scale(6) },
  noobai: { sample_sampler: euler, sample_cfg_scale: scale(5) },
};

const marked = {
  v_parameterization: chosen(
    true,
    'The checkpoint says that it was trained to predict v.',
    '该底模标明以 v 预测训练。',
  ),
} as const satisfies Values;

const noiseAlone = {
  zero_terminal_snr: chosen(
    true,
    'The checkpoint says that its last timestep is noise alone.',
    '该底模标明其最后一个时间步只有噪声。',
  ),
} as const satisfies Values;

/** By the name that a project keeps of it; undefined for one that no family has, as from an older version. */
export function familyOfBase(base: Pick<BaseModelRef, 'kind'> | undefined): FamilyName | undefined {
  const names = Object.keys(plainFacts) as FamilyName[];
  return names.find((name) => plainFacts[name].title.en === base?.kind);
}

/** What models of the base's family are well known to be trained from. */
export function lineagesOf(base: BaseModelRef | undefined): readonly Lineage[] {
  const family = base && base.where.in !== 'demo' ? familyOfBase(base) : undefined;
  return family && ofFamily[family] ? (Object.keys(ofLineage) as Lineage[]) : [];
}

/** Layers, the later over the earlier; none for the demo model, which has values of its own. */
export function baseLayers(base: BaseModelRef | undefined): Values[] {
  if (!base || base.where.in === 'demo') return [];
  const family = familyOfBase(base);
  const { prediction, zeroTerminalSnr, lineage } = base.marks ?? {};
  return [
    (family && ofFamily[family]) ?? {},
    lineage ? ofLineage[lineage] : {},
    prediction === 'v' ? marked : {},
    zeroTerminalSnr ? noiseAlone : {},
  ];
}
