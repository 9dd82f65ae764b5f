// What a file is, from the names and shapes of its tensors alone, and the map of its names to our models'.
// It looks no deeper than is needed to tell what can be trained on from everything people mistake for it.
import { isFloatDtype, type Dtype } from '../safetensors/safetensors';
import { familyFacts, type FamilyName } from '../families/families';
import { familyOf, isCheckpoint, type CheckpointKind } from './kinds';
import type { FamilyFacts, MappedTensor, PartName, TensorShapes } from '../families/family_facts';

export { familyOf, isCheckpoint, type CheckpointKind };

/** `sentence` says what the file is and, where it cannot be trained on, what to choose instead. */
export interface CheckpointIdentity {
  readonly kind: CheckpointKind;
  readonly sentence: string;
}

type TensorTypes = ReadonlyMap<string, { readonly dtype: Dtype }>;

const choose = 'Choose a Stable Diffusion 1.x, 2.x or SDXL checkpoint as base model.';

const sentences: Record<CheckpointKind, string> = {
  sd1: 'This is a Stable Diffusion 1.x checkpoint.',
  'sd1-no-vae': `This is a Stable Diffusion 1.x checkpoint without its VAE. ${choose}`,
  'sd1-no-text': `This is a Stable Diffusion 1.x checkpoint without its text encoder. ${choose}`,
  'sd1-pix2pix': `This is an instruct-pix2pix model (its U-Net takes 8 channels), which is not trained on here. ${choose}`,
  'sd1-inpainting': `This is an inpainting model (its U-Net takes 9 channels), which is not trained on here. ${choose}`,
  sd2: 'This is a Stable Diffusion 2.x checkpoint.',
  'sd2-no-vae': `This is a Stable Diffusion 2.x checkpoint without its VAE. ${choose}`,
  'sd2-no-text': `This is a Stable Diffusion 2.x checkpoint without its text encoder. ${choose}`,
  'sd2-unet': `This file holds the U-Net of Stable Diffusion 2.x alone; text encoder and VAE are missing. ${choose}`,
  'sd2-inpainting': `This is an inpainting model of Stable Diffusion 2 (its U-Net takes 9 channels), which is not trained on here. ${choose}`,
  'sd2-depth': `This is the depth model of Stable Diffusion 2 (depth2img, its U-Net takes 5 channels), which is not trained on here. ${choose}`,
  'sd2-upscaler': `This is the upscaler of Stable Diffusion 2 (x4, its U-Net takes 7 channels), which is not trained on here. ${choose}`,
  'sd2-unclip': `This is an unCLIP model of Stable Diffusion 2, which starts from pictures and is not trained on here. ${choose}`,
  sdxl: 'This is an SDXL checkpoint.',
  'sdxl-no-vae': `This is an SDXL checkpoint without its VAE. ${choose}`,
  'sdxl-no-text': `This is an SDXL checkpoint without its text encoders. ${choose}`,
  'sdxl-pix2pix': `This is an instruct-pix2pix model of SDXL (its U-Net takes 8 channels), which is not trained on here. ${choose}`,
  'sdxl-inpainting': `This is an inpainting model of SDXL (its U-Net takes 9 channels), which is not trained on here. ${choose}`,
  'sdxl-refiner': `This is the SDXL refiner, which is not trained on here: it only finishes what the base model began. ${choose}`,
  'sdxl-unet': `This file holds the U-Net of SDXL alone; text encoders and VAE are missing. ${choose}`,
  sd3: `This is a Stable Diffusion 3 checkpoint, which is not supported. ${choose}`,
  flux: `This is a Flux checkpoint, which is not supported. ${choose}`,
  lora: `This is a LoRA, not a base model: give it as the LoRA to continue from. ${choose}`,
  embedding: `This is a textual-inversion embedding, not a model. ${choose}`,
  controlnet: `This is a ControlNet, not a base model. ${choose}`,
  unet: `This file holds the U-Net alone; text encoder and VAE are missing. ${choose}`,
  vae: `This file holds a VAE alone; U-Net and text encoder are missing. ${choose}`,
  'text-encoder': `This file holds the text encoder alone; U-Net and VAE are missing. ${choose}`,
  empty: `This file holds no tensors. ${choose}`,
  unknown: `This is not a model that is known here. ${choose}`,
};

/** Says what kind of file these tensors make. Never throws; what fits nothing is 'unknown'. */
export function identifyCheckpoint(tensors: TensorShapes): CheckpointIdentity {
  const kind = findKind(tensors);
  return { kind, sentence: sentences[kind] };
}

function findKind(tensors: TensorShapes): CheckpointKind {
  if (tensors.size === 0) return 'empty';
  const names = [...tensors.keys()];
  const any = (pattern: RegExp) => names.some((name) => pattern.test(name));
  // The distinguishing marks first: a merged file may hold several parts.
  if (any(/\.lora_(down|up|A|B)\b|\.lora\.(down|up)\.|\.(hada_w1_a|lokr_w1)$|^lora_(unet|te\d?)_/))
    return 'lora';
  if (names.length < 8 && any(/^(emb_params|string_to_param|clip_[lg]$|<)/)) return 'embedding';
  if (any(/^control_model\.|^controlnet_(cond_embedding|down_blocks)\./)) return 'controlnet';
  if (any(/(^|\.)joint_blocks\.\d/)) return 'sd3';
  if (any(/(^|\.)double_blocks\.\d+\.img_attn\.|^single_transformer_blocks\./)) return 'flux';
  if (any(/^cond_stage_model\.model\./)) return kindOfParts(tensors, 'sd2');
  // Stable Video Diffusion has SDXL's words, too.
  if (any(/\.time_stack\.|\.temporal_transformer_blocks\./)) return 'unknown';
  if (any(/^conditioner\.embedders\.|\.label_emb\.|(^|\.)add_embedding\.|^text_encoder_2[./]/))
    return kindOfParts(tensors, 'sdxl');
  return kindOfParts(tensors, hasUnetOfSd2(tensors) ? 'sd2' : 'sd1');
}

function kindOfParts(tensors: TensorShapes, family: FamilyName): CheckpointKind {
  const map = familyFacts[family].keyMap(tensors.keys());
  const parts = new Set<PartName>();
  const shapes = new Map<string, readonly number[]>();
  for (const [key, { shape }] of tensors) {
    for (const { part, name } of tensorsOf(map(key))) {
      parts.add(part);
      if (part === 'unet' && TELLING.includes(name)) shapes.set(name, shape);
    }
  }
  const [, channels] = shapes.get('conv_in.weight') ?? [];
  const has = (...wanted: PartName[]) => wanted.every((part) => parts.has(part));
  if (family === 'sdxl') {
    const [, added] = shapes.get('add_embedding.linear_1.weight') ?? [];
    // The refiner has the second text encoder alone, and a score of beauty in place of the crop's size.
    if (added === 2560 || tensorNamed(tensors, 'conditioner.embedders.0.model.')) return 'sdxl-refiner';
    if (channels === 9) return 'sdxl-inpainting';
    if (channels === 8) return 'sdxl-pix2pix';
    if (has('unet', 'text1', 'text2')) return has('vae') ? 'sdxl' : 'sdxl-no-vae';
    if (has('unet')) return parts.size === 1 ? 'sdxl-unet' : 'sdxl-no-text';
    // A whole file without a U-Net is nothing that can be made whole by another.
    return parts.size === 1 ? 'text-encoder' : 'unknown';
  }
  if (family === 'sd2' && has('unet')) {
    // unCLIP has a label embedding, and so has the upscaler.
    if (channels === 7) return 'sd2-upscaler';
    if ([...tensors.keys()].some((name) => UNCLIP.test(name))) return 'sd2-unclip';
    if (channels === 9) return 'sd2-inpainting';
    if (channels === 5) return 'sd2-depth';
    if (channels === 8) return 'sd1-pix2pix';
    if (has('text1')) return has('vae') ? 'sd2' : 'sd2-no-vae';
    return has('vae') ? 'sd2-no-text' : 'sd2-unet';
  }
  if (has('unet')) {
    if (channels === 9) return 'sd1-inpainting';
    if (channels === 8) return 'sd1-pix2pix';
    if (has('text1')) return has('vae') ? 'sd1' : 'sd1-no-vae';
    return has('vae') ? 'sd1-no-text' : 'unet';
  }
  if (has('vae')) return has('text1') ? 'unknown' : 'vae';
  return has('text1') ? 'text-encoder' : 'unknown';
}

/** Tensors of a U-Net whose shapes tell models apart. */
const TELLING = ['conv_in.weight', 'add_embedding.linear_1.weight'];
const UNCLIP = /\.label_emb\.0\.|^(unet[./])?class_embedding\.linear_|^embedder\./;

/**
 * SD 1.x projects into its transformers by 1x1 convolutions, SD 2.x by matrices, and reads a text of 1024 channels. SDXL does
 * the first too, but for its highest level, which has no transformers.
 */
function hasUnetOfSd2(tensors: TensorShapes): boolean {
  for (const [name, { shape }] of tensors) {
    if (CONTEXT.test(name) ? shape[1] === 1024 : FIRST_PROJECTION.test(name) && shape.length === 2)
      return true;
  }
  return false;
}
const CONTEXT = /\.attn2\.to_[kv]\.weight$/;
const FIRST_PROJECTION =
  /^(?:model\.diffusion_model\.input_blocks\.1\.1|(?:unet[./])?down_blocks\.0\.attentions\.0)\.proj_in\.weight$/;

function tensorNamed(tensors: TensorShapes, prefix: string): boolean {
  for (const name of tensors.keys()) if (name.startsWith(prefix)) return true;
  return false;
}

function tensorsOf(mapped: ReturnType<ReturnType<FamilyFacts['keyMap']>>): readonly MappedTensor[] {
  return mapped.is === 'weights' ? mapped.tensors : [];
}

/** What is wrong with a base model: of another kind, or one that cannot be used. */
export interface CheckpointFacts {
  /** It is no base model of a family that is known here, or not alone. */
  kind: { kind: CheckpointKind; lacks?: readonly PartName[] };
  /** Two tensors of a file claim one place. */
  layouts: { first: string; second: string };
  /** Two of the files have this part. */
  twice: { part: PartName };
  quantized: { tensor: string; dtype: string };
  cut: { tensor: string };
  'non-finite': { tensor: string; count: number };
  /** Finite, but beyond 65504, the largest half: the base model's matrices are kept as halves. */
  'too-large': { tensor: string; count: number };
}

export class CheckpointError<Code extends keyof CheckpointFacts = keyof CheckpointFacts> extends Error {
  override name = 'CheckpointError';
  constructor(
    readonly code: Code,
    readonly facts: CheckpointFacts[Code],
    sentence: string,
  ) {
    super(sentence);
  }
}

/** `familyOf` the files with these headers. */
export function familyOfFiles(files: readonly TensorShapes[]): FamilyName | undefined {
  return familyOf(files.map((tensors) => identifyCheckpoint(tensors).kind));
}

/**
 * The tensor that shows weights in a form that cannot be read here, with its type, or the name of the form: integers, bits packed by
 * bitsandbytes, 8-bit floats that belong with scales. Plain 8-bit floats are read.
 */
export function quantizedTensor(
  tensors: TensorTypes,
  family: FamilyFacts,
): { tensor: string; dtype: string } | undefined {
  const map = family.keyMap(tensors.keys());
  for (const [key, { dtype }] of tensors) {
    if (/(^|\.)scaled_fp8$|\.(scale_weight|weight_scale)$/.test(key))
      return { tensor: key, dtype: 'scaled fp8' };
    if (/\.absmax$|\.quant_state\./.test(key)) return { tensor: key, dtype: 'bitsandbytes' };
    if (map(key).is === 'weights' && !isFloatDtype(dtype)) return { tensor: key, dtype };
  }
  return undefined;
}

/** Throws the CheckpointError that says so. */
export function refuseQuantized(tensors: TensorTypes, family: FamilyFacts): void {
  const found = quantizedTensor(tensors, family);
  if (!found) return;
  const sentence = `The weights are quantized ("${found.tensor}" is ${found.dtype}); F16, BF16, F32 and plain 8-bit floats can be read. Use a checkpoint that is not quantized.`;
  throw new CheckpointError('quantized', found, sentence);
}

/** Where a part's tensor comes from: the file's own name, and what of that tensor it is. */
export type TensorOrigin = { readonly key: string } & Pick<MappedTensor, 'rows' | 'transposed'>;

/** For each part: diffusers name to what in the file it is. */
export interface CheckpointMap {
  readonly parts: Readonly<Record<PartName, ReadonlyMap<string, TensorOrigin>>>;
  readonly ignored: readonly string[];
  readonly unknown: readonly string[];
}

/** Maps all names of one file. Throws CheckpointError where two names of the file mean the same tensor. */
export function mapCheckpoint(names: Iterable<string>, family: FamilyFacts): CheckpointMap {
  const all = [...names];
  const map = family.keyMap(all);
  const parts: Record<PartName, Map<string, TensorOrigin>> = {
    unet: new Map(),
    vae: new Map(),
    text1: new Map(),
    text2: new Map(),
  };
  const ignored: string[] = [];
  const unknown: string[] = [];
  for (const key of all) {
    const mapped = map(key);
    if (mapped.is === 'ignored') ignored.push(key);
    if (mapped.is === 'unknown') unknown.push(key);
    for (const { part, name, ...how } of tensorsOf(mapped)) {
      const other = parts[part].get(name);
      if (other !== undefined) {
        throw new CheckpointError(
          'layouts',
          { first: other.key, second: key },
          `"${other.key}" and "${key}" are both ${name} of the ${part}; the file mixes two layouts. ${choose}`,
        );
      }
      parts[part].set(name, { key, ...how });
    }
  }
  return { parts, ignored, unknown };
}
