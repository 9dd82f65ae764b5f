/**
 * The models in miniature whose weights are hashes of their names: what `reference/make_sdxl.py` and `make_sd2.py` write down of
 * them (`reference/golden/NAME.json`), and how a step of theirs is set that is compared with PyTorch's.
 */
import { readFileSync } from 'node:fs';
import type { GoldenSettings, Start } from './differentiate.testing';
import { hashedLora } from './hashed_weights.testing';

export interface DescribedModel {
  /** Of the LoRA that the goldens begin with. */
  rank: number;
  alpha: number;
  /** Of the single file, names and shapes. */
  tensors: Record<string, number[]>;
  /** What of that file each tensor is that diffusers saves. */
  folder: Record<string, Record<string, { from: string; rows?: [number, number]; transposed?: boolean }>>;
  /** Of every adapted module, by kohya's name: in, out. */
  lora: Record<string, [number, number]>;
}

export function describedModel(name: 'sdxl' | 'sd2'): DescribedModel {
  const file = new URL(`../../reference/golden/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as DescribedModel;
}

/** The LoRA that the goldens begin with. */
export function hashedStart({ rank, alpha, lora }: DescribedModel): Start {
  return {
    rank,
    alpha,
    values: (name) => {
      const [inputs, out] = lora[name] ?? [0, 0];
      return hashedLora(name, { rank, in: inputs, out });
    },
  };
}

/** The U-Net alone, all of it recomputed. */
export const GOLDEN_STEP: GoldenSettings = {
  text: 'given',
  trainUnet: true,
  chunks: 1,
  clipSkip: 1,
  vPrediction: false,
  firstKeptBlock: 999,
  record: false,
};
