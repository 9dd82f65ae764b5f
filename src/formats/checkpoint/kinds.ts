/**
 * What kinds of files there are, and which of them make a base model: apart from how they are told, which the page needs only
 * with the first file.
 */
import type { FamilyName } from '../families/plain';

export type CheckpointKind =
  | 'sd1'
  /** Its U-Net and text encoder, or U-Net and VAE. */
  | 'sd1-no-vae'
  | 'sd1-no-text'
  | 'sd1-inpainting'
  | 'sd1-pix2pix'
  | 'sd2'
  | 'sd2-no-vae'
  | 'sd2-no-text'
  | 'sd2-unet'
  | 'sd2-inpainting'
  | 'sd2-depth'
  | 'sd2-upscaler'
  | 'sd2-unclip'
  | 'sdxl'
  | 'sdxl-no-vae'
  | 'sdxl-no-text'
  | 'sdxl-inpainting'
  | 'sdxl-pix2pix'
  | 'sdxl-refiner'
  | 'sdxl-unet'
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

interface KindFacts {
  /** Of a base model, or of a part of one; undefined for what cannot be used, or for what the file alone does not tell. */
  readonly family?: FamilyName;
  /** One file that WebUI and Civitai know a base model by, with or without its VAE. */
  readonly whole?: boolean;
  /** A part that goes with more families than one. */
  readonly shared?: boolean;
}

const unusable: KindFacts = {};

const KINDS: Readonly<Record<CheckpointKind, KindFacts>> = {
  sd1: { family: 'sd1', whole: true },
  'sd1-no-vae': { family: 'sd1', whole: true },
  'sd1-no-text': { family: 'sd1' },
  sd2: { family: 'sd2', whole: true },
  'sd2-no-vae': { family: 'sd2', whole: true },
  'sd2-no-text': { family: 'sd2' },
  'sd2-unet': { family: 'sd2' },
  sdxl: { family: 'sdxl', whole: true },
  'sdxl-no-vae': { family: 'sdxl', whole: true },
  'sdxl-no-text': { family: 'sdxl' },
  'sdxl-unet': { family: 'sdxl' },
  // A later shard of any family's.
  unet: { shared: true },
  vae: { shared: true },
  'text-encoder': { shared: true },
  'sd1-inpainting': unusable,
  'sd1-pix2pix': unusable,
  'sdxl-inpainting': unusable,
  'sdxl-pix2pix': unusable,
  'sdxl-refiner': unusable,
  'sd2-inpainting': unusable,
  'sd2-depth': unusable,
  'sd2-upscaler': unusable,
  'sd2-unclip': unusable,
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
  return KINDS[kind].whole === true;
}

/**
 * The family of a base model that these kinds of files make together: the first that says it, Stable Diffusion 1.x where
 * there are only parts that go with several. Undefined where one of them can be no part of a base model.
 */
export function familyOf(kinds: readonly CheckpointKind[]): FamilyName | undefined {
  const facts = kinds.map((kind) => KINDS[kind]);
  if (!facts.every(({ family, shared }) => family ?? shared)) return undefined;
  return facts.find(({ family }) => family)?.family ?? (facts.length > 0 ? 'sd1' : undefined);
}
