// What a file is, from the names and shapes of its tensors alone, and the map of its names to our models'.
// It looks no deeper than is needed to tell Stable Diffusion 1.x from everything people mistake for it.
import { isFloatDtype, type Dtype } from '../safetensors/safetensors';
import { diffusersName, ldmLayout, type ModelPart } from './checkpoint_keys';

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

/** Only names and shapes matter; `SafetensorsFile.tensors` fits. */
export type TensorShapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;
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
  const layout = ldmLayout(tensors.keys());
  const parts = new Set<string>();
  let channels: number | undefined;
  let linearProjection = false;
  for (const [key, { shape }] of tensors) {
    const mapped = diffusersName(key, layout);
    parts.add(mapped.part);
    if (mapped.part !== 'unet') continue;
    if (mapped.name === 'conv_in.weight') channels = shape[1];
    // SD 1.x projects into its transformers by 1x1 convolutions, SD 2.x by matrices.
    if (mapped.name === 'down_blocks.0.attentions.0.proj_in.weight') linearProjection = shape.length === 2;
  }
  if (parts.has('unet')) {
    if (linearProjection) return 'sd2';
    if (channels === 9) return 'sd1-inpainting';
    if (channels === 8) return 'sd1-pix2pix';
    if (parts.has('text')) return parts.has('vae') ? 'sd1' : 'sd1-no-vae';
    return parts.has('vae') ? 'sd1-no-text' : 'unet';
  }
  if (parts.has('vae')) return parts.has('text') ? 'unknown' : 'vae';
  return parts.has('text') ? 'text-encoder' : 'unknown';
}

/** What is wrong with a base model: of another kind, or one that cannot be used. */
export interface CheckpointFacts {
  /** It is no base model of SD 1.x, or not alone. */
  kind: { kind: CheckpointKind; lacks?: readonly string[] };
  /** Two tensors of a file claim one place. */
  layouts: { first: string; second: string };
  /** Two of the files have this part. */
  twice: { part: ModelPart };
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

/** Of a base model, one file or several: all that can be used of. */
export const usableKinds: readonly CheckpointKind[] = [
  ...(['sd1', 'sd1-no-vae', 'sd1-no-text', 'unet', 'vae', 'text-encoder'] as const),
];

/**
 * The tensor that shows weights in a form that cannot be read here, with its type: integers, bits packed by bitsandbytes,
 * 8-bit floats that belong with scales. Plain 8-bit floats are read.
 */
export function quantizedTensor(tensors: TensorTypes): { tensor: string; dtype: string } | undefined {
  const layout = ldmLayout(tensors.keys());
  for (const [key, { dtype }] of tensors) {
    if (/(^|\.)scaled_fp8$|\.(scale_weight|weight_scale|absmax)$|\.quant_state\./.test(key))
      return { tensor: key, dtype };
    const { part } = diffusersName(key, layout);
    if (part !== 'ignored' && part !== 'unknown' && !isFloatDtype(dtype)) return { tensor: key, dtype };
  }
  return undefined;
}

/** Throws the CheckpointError that says so. */
export function refuseQuantized(tensors: TensorTypes): void {
  const found = quantizedTensor(tensors);
  if (!found) return;
  const sentence = `The weights are quantized ("${found.tensor}" is ${found.dtype}); F16, BF16, F32 and plain 8-bit floats can be read. Use a checkpoint that is not quantized.`;
  throw new CheckpointError('quantized', found, sentence);
}

/** For each part: diffusers name to the file's own name. */
export interface CheckpointMap {
  readonly parts: Readonly<Record<ModelPart, ReadonlyMap<string, string>>>;
  readonly ignored: readonly string[];
  readonly unknown: readonly string[];
}

/** Maps all names of one file. Throws CheckpointError where two names of the file mean the same tensor. */
export function mapCheckpoint(names: Iterable<string>): CheckpointMap {
  const all = [...names];
  const layout = ldmLayout(all);
  const parts = {
    unet: new Map<string, string>(),
    vae: new Map<string, string>(),
    text: new Map<string, string>(),
  };
  const ignored: string[] = [];
  const unknown: string[] = [];
  for (const key of all) {
    const mapped = diffusersName(key, layout);
    if (mapped.part === 'ignored') {
      ignored.push(key);
    } else if (mapped.part === 'unknown') {
      unknown.push(key);
    } else {
      const map = parts[mapped.part];
      const other = map.get(mapped.name);
      if (other !== undefined) {
        throw new CheckpointError(
          'layouts',
          { first: other, second: key },
          `"${other}" and "${key}" are both ${mapped.name} of the ${mapped.part}; the file mixes two layouts. ${choose}`,
        );
      }
      map.set(mapped.name, key);
    }
  }
  return { parts, ignored, unknown };
}
