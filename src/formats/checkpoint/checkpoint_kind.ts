// What a file is, from the names and shapes of its tensors alone, and the map of its names to our models'.
// It looks no deeper than is needed to tell Stable Diffusion 1.x from everything people mistake for it.
import { isFloatDtype, type Dtype } from '../safetensors/safetensors';
import { everyFamily, type FamilyName } from '../families/families';
import type { FamilyFacts, MappedTensor, PartName, TensorShapes } from '../families/family_facts';

export type CheckpointKind =
  | 'sd1'
  /** Its U-Net and text encoder, or U-Net and VAE. */
  | 'sd1-no-vae'
  | 'sd1-no-text'
  | 'sd1-inpainting'
  | 'sd1-pix2pix'
  | 'sd2'
  | 'sdxl'
  | 'sd3'
  | 'flux'
  | 'lora'
  | 'embedding'
  | 'controlnet'
  | 'unet'
  | 'vae'
  | 'text-encoder'
  | 'empty'
  | 'unknown';

/** `sentence` says what the file is and, where it cannot be trained on, what to choose instead. */
export interface CheckpointIdentity {
  readonly kind: CheckpointKind;
  readonly sentence: string;
}

type TensorTypes = ReadonlyMap<string, { readonly dtype: Dtype }>;

const choose = 'Choose a Stable Diffusion 1.x checkpoint as base model.';

const sentences: Record<CheckpointKind, string> = {
  sd1: 'This is a Stable Diffusion 1.x checkpoint.',
  'sd1-no-vae': `This is a Stable Diffusion 1.x checkpoint without its VAE. ${choose}`,
  'sd1-no-text': `This is a Stable Diffusion 1.x checkpoint without its text encoder. ${choose}`,
  'sd1-pix2pix': `This is an instruct-pix2pix model (its U-Net takes 8 channels), which is not trained on here. ${choose}`,
  'sd1-inpainting': `This is an inpainting model (its U-Net takes 9 channels), which is not trained on here. ${choose}`,
  sd2: `This is a Stable Diffusion 2.x checkpoint, which is not supported. ${choose}`,
  sdxl: `This is an SDXL checkpoint, which is not supported. ${choose}`,
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
  if (any(/^conditioner\.embedders\.|\.label_emb\.|(^|\.)add_embedding\.|^text_encoder_2[./]/)) return 'sdxl';
  if (any(/^cond_stage_model\.model\./)) return 'sd2';
  return kindOfParts(tensors);
}

function kindOfParts(tensors: TensorShapes): CheckpointKind {
  const maps = everyFamily.map((family) => family.keyMap(tensors.keys()));
  const parts = new Set<PartName>();
  let channels: number | undefined;
  let linearProjection = false;
  for (const [key, { shape }] of tensors) {
    for (const { part, name } of maps.flatMap((map) => tensorsOf(map(key)))) {
      parts.add(part);
      if (part !== 'unet') continue;
      if (name === 'conv_in.weight') channels = shape[1];
      // SD 1.x projects into its transformers by 1x1 convolutions, SD 2.x by matrices.
      if (name === 'down_blocks.0.attentions.0.proj_in.weight') linearProjection = shape.length === 2;
    }
  }
  if (parts.has('unet')) {
    if (linearProjection) return 'sd2';
    if (channels === 9) return 'sd1-inpainting';
    if (channels === 8) return 'sd1-pix2pix';
    if (parts.has('text1')) return parts.has('vae') ? 'sd1' : 'sd1-no-vae';
    return parts.has('vae') ? 'sd1-no-text' : 'unet';
  }
  if (parts.has('vae')) return parts.has('text1') ? 'unknown' : 'vae';
  return parts.has('text1') ? 'text-encoder' : 'unknown';
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

interface KindFacts {
  /** Of a base model, or of a file that can be a part of one; undefined for what cannot be used. */
  readonly family: FamilyName | undefined;
  /** One file that WebUI and Civitai know a base model by, with or without its VAE. */
  readonly whole: boolean;
}

const unusable: KindFacts = { family: undefined, whole: false };
/** Alone it does not say of what model it is: that is the family whose names it has. */
const part: KindFacts = { family: 'sd1', whole: false };

const KINDS: Readonly<Record<CheckpointKind, KindFacts>> = {
  sd1: { family: 'sd1', whole: true },
  'sd1-no-vae': { family: 'sd1', whole: true },
  'sd1-no-text': { family: 'sd1', whole: false },
  unet: part,
  vae: part,
  'text-encoder': part,
  'sd1-inpainting': unusable,
  'sd1-pix2pix': unusable,
  sd2: unusable,
  sdxl: unusable,
  sd3: unusable,
  flux: unusable,
  lora: unusable,
  embedding: unusable,
  controlnet: unusable,
  empty: unusable,
  unknown: unusable,
};

/** Is this one file that WebUI and Civitai know a base model by, with or without its VAE? */
export function isCheckpoint(kind: CheckpointKind): boolean {
  return KINDS[kind].whole;
}

/** The family of a base model, or of a file that can be a part of one; undefined for what cannot be used. */
export function familyOf(kind: CheckpointKind): FamilyName | undefined {
  return KINDS[kind].family;
}

/**
 * The tensor that shows weights in a form that cannot be read here, with its type: integers, bits packed by bitsandbytes,
 * 8-bit floats that belong with scales. Plain 8-bit floats are read.
 */
export function quantizedTensor(
  tensors: TensorTypes,
  family: FamilyFacts,
): { tensor: string; dtype: string } | undefined {
  const map = family.keyMap(tensors.keys());
  for (const [key, { dtype }] of tensors) {
    if (/(^|\.)scaled_fp8$|\.(scale_weight|weight_scale|absmax)$|\.quant_state\./.test(key))
      return { tensor: key, dtype };
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
