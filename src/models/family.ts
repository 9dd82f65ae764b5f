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

/** Prompts of `chunks` x 75 tokens as ids [B * chunks, positions]; `rows` is `promptRows(B, chunks)`, unused for one chunk. */
export interface Prompts {
  readonly ids: Tensor;
  readonly chunks: number;
  /** 1 is a text encoder's last layer. */
  readonly clipSkip: number;
  readonly rows: Tensor | undefined;
}

/** What the U-Net is told of a prompt. */
export interface Conditioning {
  /** [B, chunks * (positions - 2) + 2, contextChannels] */
  readonly context: Tensor;
}

export interface Family extends FamilyFacts {
  /** Throws `CheckpointShapeError` where these are not the tensors of such a model. */
  infer(shapes: Readonly<Record<PartName, Shapes>>): ModelConfig;
  /** Names and shapes (torch order) of a part's parameters; those that a LoRA adapts lie in kohya's order. */
  shapes(config: ModelConfig, part: PartName): Map<string, number[]>;
  blocks(config: UnetConfig): UnetBlock[];
  /** Made once a run, and passed to all that need it. */
  schedule(): NoiseSchedule;
  /** Differentiable; the caller's tidy owns the result. */
  encode(
    texts: Readonly<Partial<Record<TextPart, Model>>>,
    config: Pick<ModelConfig, TextPart>,
    prompts: Prompts,
  ): Conditioning;
}
