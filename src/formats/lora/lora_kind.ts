// What a LoRA file is, told by its tensors' names and shapes: for which family of models; or why it cannot be used here,
// another method than plain LoRA, or a LoRA for a model that is not known, or no LoRA at all. Names: LyCORIS' `lycoris/modules`, sd-scripts' `networks`, diffusers' and
// peft's savers, as found in files.
import type { Localized } from '../config/language';
import { identifyCheckpoint, type CheckpointKind } from '../checkpoint/checkpoint_kind';
import { familyFacts, type FamilyName } from '../families/families';
import { listed, type FamilyFacts, type TensorShapes } from '../families/family_facts';
import { LoraError } from './lora_error';
import { loraTensorName } from './lora_names';

export type LoraKind =
  | 'locon'
  | 'loha'
  | 'lokr'
  | 'dora'
  | 'oft'
  | 'ia3'
  | 'glora'
  | 'full'
  | 'refiner'
  | 'sd3'
  | 'flux'
  | 'transformer'
  | 'controlnet'
  | 'embedding'
  | 'base'
  | 'unknown';

const chooseLora: Localized = {
  en: 'Choose a plain LoRA made for Stable Diffusion 1.x, 2.x or SDXL.',
  zh: '请选择为 Stable Diffusion 1.x、2.x 或 SDXL 制作的普通 LoRA。',
};

const method = (name: string, zh = name): Localized => ({
  en: `This file is a ${name}, another method than plain LoRA, which cannot be continued or drawn with here.`,
  zh: `此文件是 ${zh}，不是普通 LoRA，在这里不能继续训练，也不能用来生成。`,
});
const model = (name: string, zh = name): Localized => ({
  en: `This LoRA is for ${name}, not for Stable Diffusion 1.x, 2.x or SDXL.`,
  zh: `此 LoRA 用于 ${zh}，不用于 Stable Diffusion 1.x、2.x 或 SDXL。`,
});

const words: Record<LoraKind, Localized> = {
  locon: {
    en: 'This file is a LoCon: it also adapts 3x3 convolutions, which cannot be continued or drawn with here.',
    zh: '此文件是 LoCon：它还改动 3x3 卷积，在这里不能继续训练，也不能用来生成。',
  },
  loha: method('LoHa'),
  lokr: method('LoKr'),
  dora: method('DoRA'),
  oft: method('OFT'),
  ia3: method('(IA)3'),
  glora: method('GLoRA'),
  full: method('set of whole weight differences', '整层权重差'),
  refiner: model('the SDXL refiner', 'SDXL refiner'),
  sd3: model('Stable Diffusion 3'),
  flux: model('Flux'),
  transformer: model(
    'a transformer model, such as Stable Diffusion 3 or Flux',
    'Stable Diffusion 3、Flux 一类的 transformer 模型',
  ),
  controlnet: { en: 'This is a ControlNet, not a LoRA.', zh: '这是 ControlNet，不是 LoRA。' },
  embedding: {
    en: 'This is a textual-inversion embedding, not a LoRA.',
    zh: '这是 textual inversion 嵌入，不是 LoRA。',
  },
  base: {
    en: 'This is a whole model or a part of one, not a LoRA: give it as the base model.',
    zh: '这是完整的模型或其中一部分，不是 LoRA：请把它用作底模。',
  },
  unknown: { en: 'This is not a LoRA that is known here.', zh: '无法识别这个 LoRA。' },
};

/** The error that says what the file is; `key` is the tensor that told. */
export function refuseLora(kind: LoraKind, key?: string): LoraError {
  const code = ['controlnet', 'embedding', 'base', 'unknown'].includes(kind) ? 'no-modules' : 'other-method';
  const held = key === undefined ? undefined : key.slice(0, 120);
  const said = words[kind];
  return new LoraError(code, {
    en: `${said.en}${held === undefined ? '' : ` It holds "${held}".`} ${chooseLora.en}`,
    zh: `${said.zh}${held === undefined ? '' : `其中有“${held}”。`}${chooseLora.zh}`,
  });
}

/** In this order: the model that it is for says more than the method. */
const marks: readonly (readonly [LoraKind, RegExp])[] = [
  ['flux', /(^|[._])(double_blocks|single_blocks|single_transformer_blocks)[._]\d/],
  ['sd3', /(^|[._])joint_blocks[._]\d/],
  [
    'transformer',
    /^(lora_)?transformer[._]|^diffusion_model\.(layers|blocks|transformer_blocks)\.|^lora_unet_(blocks|layers)_\d|^lora_te3_/,
  ],
  ['dora', /\.dora_scale$|lora_magnitude_vector/],
  ['loha', /\.hada_/],
  ['lokr', /\.lokr_/],
  ['oft', /\.b?oft_|^oft_/],
  ['ia3', /\.on_input$/],
  ['glora', /\.[ab][12]\.weight$/],
  ['full', /\.diff(_b)?$/],
  ['locon', /\.lora_mid\.weight$/],
];

/** Names that only a LoRA for SDXL has: of its second text encoder, its blocks, and of transformers that are deeper. */
const SDXL = [
  /^lora_te[12]_|^text_encoder_2\.|^text_encoders\.clip_g\.|^lora_unet_(input_blocks|output_blocks|middle_block|label_emb)_/,
  /(^|[._])(attentions[._]\d+|(in|out)put_blocks[._]\d+[._]1|middle_block[._]1)[._]transformer_blocks[._][1-9]/,
];

/** What sd-scripts and Stability's specification say of a LoRA for SD 2.x. */
const SD2: Readonly<Record<string, RegExp>> = {
  ss_v2: /^True$/,
  ss_base_model_version: /^sd_v2/,
  'modelspec.architecture': /^stable-diffusion-v2/,
};

/** For which family a LoRA is, and in which text encoder paths without a folder lie. Stable Diffusion 1.x where nothing tells. */
export interface LoraReading {
  readonly family: FamilyName;
  readonly bareText?: string;
}

export function loraReading(tensors: TensorShapes, metadata: Readonly<Record<string, string>>): LoraReading {
  for (const [key, { shape }] of tensors) {
    const name = loraTensorName(key, 'sd1');
    if (name?.role !== 'down' || name.naming !== 'diffusers' || !SELF.test(name.layer)) continue;
    // peft's files have no folders in their names: the second encoder is wider.
    if (shape[1] === WIDTHS.second) return { family: 'sdxl', bareText: 'text_encoder_2' };
  }
  const wide = (width: number) =>
    [...tensors].some(([key, { shape }]) => {
      const name = loraTensorName(key, 'sd1');
      if (name?.role !== 'down' || shape[1] !== width) return false;
      return CONTEXT.test(name.layer) || SELF.test(name.layer);
    });
  const version = metadata['ss_base_model_version'] ?? '';
  const architecture = metadata['modelspec.architecture'] ?? '';
  const said = version.startsWith('sdxl_') || architecture.startsWith('stable-diffusion-xl-v1-base');
  const marked = [...tensors.keys()].some((key) => SDXL.some((pattern) => pattern.test(key)));
  if (said || marked || wide(WIDTHS.context)) return { family: 'sdxl' };
  const saidSd2 = Object.entries(SD2).some(([key, pattern]) => pattern.test(metadata[key] ?? ''));
  return { family: saidSd2 || wide(WIDTHS.sd2) ? 'sd2' : 'sd1' };
}

/** Throws LoraError where a LoRA for one family is given with a base model of another. */
export function refuseOtherFamily(lora: FamilyName, base: Pick<FamilyFacts, 'title'>): void {
  const { title } = familyFacts[lora];
  if (title.en === base.title.en) return;
  throw new LoraError('other-method', {
    en: `This LoRA is for ${title.en}, and the base model is ${base.title.en}: they do not fit each other. Choose a LoRA made for ${base.title.en}.`,
    zh: `此 LoRA 用于 ${title.zh}，而底模是 ${base.title.zh}：两者不匹配。请选择为 ${base.title.zh} 制作的 LoRA。`,
  });
}

/** Throws LoraError where LoRAs that are to become one are for base models of more families than one. */
export function refuseMixedFamilies(families: readonly FamilyName[]): void {
  const titles = [...new Set(families)].map((family) => familyFacts[family].title);
  if (titles.length < 2) return;
  throw new LoraError('other-method', {
    en: `These LoRAs are for different base models, ${listed(
      titles.map(({ en }) => en),
      'and',
    )}: a layer of the one is no layer of the other. Merge LoRAs made for the same base model.`,
    zh: `这些 LoRA 用于不同的底模（${titles.map(({ zh }) => zh).join('、')}），彼此的层并不对应。请合并为同一底模制作的 LoRA。`,
  });
}

/**
 * What makes the file unusable, and the tensor that tells; undefined where names and shapes are those of a plain LoRA for
 * a family that is known.
 */
export function otherKind(
  tensors: TensorShapes,
  metadata: Readonly<Record<string, string>>,
  reading = loraReading(tensors, metadata),
): { kind: LoraKind; key?: string } | undefined {
  const names = [...tensors.keys()];
  for (const [kind, pattern] of marks) {
    const key = names.find((name) => pattern.test(name));
    if (key !== undefined) return { kind, key };
  }
  for (const [key, { shape }] of tensors) {
    const name = loraTensorName(key, reading.family, reading.bareText);
    if (!name) {
      const { kind } = identifyCheckpoint(tensors);
      return { kind: notLoras[kind] ?? (noModels.includes(kind) ? 'unknown' : 'base'), key };
    }
    if (shape.length === 4 && shape[2] * shape[3] > 1) return { kind: 'locon', key };
    if (name.role !== 'down') continue;
    if (reading.family === 'sdxl' && CONTEXT.test(name.layer) && shape[1] === WIDTHS.second)
      return { kind: 'refiner', key };
  }
  return undefined;
}

const notLoras: Partial<Record<CheckpointKind, LoraKind>> = {
  embedding: 'embedding',
  controlnet: 'controlnet',
};
const noModels: readonly CheckpointKind[] = ['unknown', 'empty', 'lora'];

/** What reads the text encoders' states, and what is in them. The states are 768 wide in SD 1.x. */
const CONTEXT = /_attn2_to_[kv]$/;
const SELF = /^lora_te\d?_.+_self_attn_[qkv]_proj$/;
/** Of SD 2.x's text encoder; of SDXL's second one, whose states are all that the refiner reads; of both of SDXL's together. */
const WIDTHS = { sd2: 1024, second: 1280, context: 2048 };
