/**
 * What the base model brings to a project's settings, with the reason that stands beside the field: its family's sizes, what
 * the checkpoint says of itself, and what the makers of a well-known model recommend. It lies over the preset, below what
 * the person set. Sources: the model cards of Pony Diffusion V6 XL, Illustrious XL and NoobAI-XL (V-Pred 1.0).
 */
import type { Lineage } from '../../formats/families/family_facts';
import { plainFacts, sideOf, type FamilyName } from '../../formats/families/plain';
import type { BaseModelRef, Project } from '../../storage/projects';
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

const asked = {
  v_parameterization: chosen(
    true,
    'You said that the base model predicts v.',
    '你已说明该底模以 v 预测训练。',
  ),
} as const satisfies Values;

/** Of families whose models that predict v have another size. */
const ofV: Readonly<Partial<Record<FamilyName, Values>>> = {
  sd2: {
    resolution: chosen(
      sideOf(plainFacts.sd2, 'v'),
      'Stable Diffusion 2.x that predicts v learned at 768.',
      '以 v 预测的 Stable Diffusion 2.x 以 768 训练。',
    ),
  },
};

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

/**
 * Whether the person is to say what the base model predicts: its family has models of both kinds, and its files do not say.
 * The answer, once it is given, is among its marks.
 */
export function asksPrediction(base: BaseModelRef | undefined): boolean {
  const family = base && base.where.in !== 'demo' ? familyOfBase(base) : undefined;
  const { prediction, predictionAsked } = base?.marks ?? {};
  return (
    family !== undefined &&
    plainFacts[family].prediction === 'either' &&
    (!prediction || predictionAsked === true)
  );
}

/** Whether nobody has said it yet. */
export function predictionUnsaid({ base, settings }: Pick<Project, 'base' | 'settings'>): boolean {
  return asksPrediction(base) && !base?.marks?.prediction && settings['v_parameterization'] === undefined;
}

/** Layers, the later over the earlier; none for the demo model, which has values of its own. */
export function baseLayers(base: BaseModelRef | undefined): Values[] {
  if (!base || base.where.in === 'demo') return [];
  const family = familyOfBase(base);
  const { prediction, predictionAsked, zeroTerminalSnr, lineage } = base.marks ?? {};
  return [
    (family && ofFamily[family]) ?? {},
    lineage ? ofLineage[lineage] : {},
    ...(prediction === 'v' ? [predictionAsked ? asked : marked, (family && ofV[family]) ?? {}] : []),
    zeroTerminalSnr ? noiseAlone : {},
  ];
}
