/**
 * What a family of base models is, to whoever trains or draws with one: its facts (formats/families), and what is computed
 * differently from family to family. Nothing outside `models/` and `families.ts` asks which family a model is of.
 */
import type { Tensor } from '@tensorflow/tfjs';
import type { FamilyFacts, PartName, TextPart } from '../formats/families/family_facts';
import type { Shapes, TextConfig, UnetConfig, VaeConfig } from './config';
import type { Model } from './layers';
import type { NoiseSchedule } from './schedule';
import type { UnetBlock } from './unet';

/** What the shapes of a checkpoint's tensors say; `text2` only in families that have one. */
export interface ModelConfig {
  readonly unet: UnetConfig;
  readonly vae: VaeConfig;
  readonly text1: TextConfig;
  readonly text2?: TextConfig;
}

/** Prompts of `chunks` x 75 tokens. `rows` is `promptRows(B, chunks)`, unused for one chunk. */
export interface Prompts {
  /** For each text encoder [B * chunks, positions], as `Family.idsOf` makes them. */
  readonly ids: Readonly<Partial<Record<TextPart, Tensor>>>;
  readonly chunks: number;
  /** 1 is a text encoder's last layer; families that always take the same ones do not ask. */
  readonly clipSkip: number;
  readonly rows: Tensor | undefined;
  /** int32 [B]: of all B * chunks * positions tokens those that end each prompt's first chunk. Only where text is pooled. */
  readonly ends?: Tensor;
}

/** What the U-Net is told of a prompt. */
export interface Conditioning {
  /** [B, chunks * (positions - 2) + 2, contextChannels] */
  readonly context: Tensor;
  /** [B, projection], in families whose U-Net adds it to its time. */
  readonly pooled?: Tensor;
}

/** What the U-Net of some families is told of a picture, in pixels, each [height, width] or [top, left]. */
export interface PictureSizes {
  readonly original: readonly [number, number];
  readonly crop: readonly [number, number];
  readonly target: readonly [number, number];
}

export interface Family extends FamilyFacts {
  /** Throws `CheckpointShapeError` where these are not the tensors of such a model. */
  infer(shapes: Readonly<Record<PartName, Shapes>>): ModelConfig;
  /** Names and shapes (torch order) of a part's parameters; those that a LoRA adapts lie in kohya's order. */
  shapes(config: ModelConfig, part: PartName): Map<string, number[]>;
  blocks(config: UnetConfig): UnetBlock[];
  /** Made once a run, and passed to all that need it. */
  schedule(): NoiseSchedule;
  /** Ids of whole chunks, [n * positions], that are padded with the end token, as this text encoder wants them padded. */
  idsOf(part: TextPart, ids: Int32Array, config: TextConfig): Int32Array;
  /** How many layers of a text encoder have a part in what `encode` gives. */
  layersUsed(part: TextPart, config: TextConfig, clipSkip: number): number;
  /** Differentiable; the caller's tidy owns the result. */
  encode(
    texts: Readonly<Partial<Record<TextPart, Model>>>,
    config: Pick<ModelConfig, TextPart>,
    prompts: Prompts,
  ): Conditioning;
  /**
   * In families whose U-Net adds a vector to its time: what follows the pooled text in it, [length]. Computed in float64,
   * rounded once.
   */
  readonly sizes?: (sizes: PictureSizes, length: number) => Float32Array;
}

/** Length of what `sizes` is to give: what the U-Net adds to its time, but for the pooled text. 0 where it adds nothing. */
export function sizesLength({ unet, text2 }: Pick<ModelConfig, 'unet' | 'text2'>): number {
  return unet.addChannels - (text2?.projection ?? 0);
}
