/**
 * What is known of a family of base models before anything is computed with one: names, numbers, words. The page and the
 * file formats need no more; what computes is added by `models/family.ts`. One folder or file a family, one row in
 * `families.ts`, and nothing else asks which family a model is of.
 */

import type { Localized } from '../config/language';

/** What has weights of its own, by the names used everywhere: a family's first text encoder is `text1`. */
export type PartName = 'unet' | 'vae' | 'text1' | 'text2';
export type TextPart = Extract<PartName, `text${number}`>;
/** What a LoRA can adapt. */
export type LoraPart = Exclude<PartName, 'vae'>;

/** What the parts are called. */
export const partWords: Readonly<Record<PartName, Localized>> = {
  unet: { en: 'U-Net', zh: 'U-Net' },
  vae: { en: 'VAE', zh: 'VAE' },
  text1: { en: 'text encoder', zh: '文本编码器' },
  text2: { en: 'second text encoder', zh: '第二个文本编码器' },
};

/** 'A', 'A and B', 'A, B and C', as English lists them. */
export function listed(words: readonly string[], last: 'and' | 'or'): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1) ?? ''}`;
}

/** What one tensor of a file gives: a tensor of a part, by its diffusers name. */
export interface MappedTensor {
  readonly part: PartName;
  readonly name: string;
  /** The `index`-th of `of` equal shares of its rows: projections that are stored as one matrix. */
  readonly rows?: { readonly index: number; readonly of: number };
  /** Stored as x P, used as P^T: rows and columns of a matrix change places. */
  readonly transposed?: boolean;
}

/** The shape of what is taken of a file's tensor. */
export function shapeTaken(
  shape: readonly number[],
  { rows, transposed }: Pick<MappedTensor, 'rows' | 'transposed'>,
): readonly number[] {
  const [first = 0, ...rest] = shape;
  const cut = rows ? [first / rows.of, ...rest] : shape;
  return transposed ? [...cut].reverse() : cut;
}

/** Where a file's tensor belongs: to one tensor of a part or several, or why it is left aside. */
export type MappedKey =
  | { readonly is: 'weights'; readonly tensors: readonly MappedTensor[] }
  | { readonly is: 'ignored'; readonly reason: string }
  | { readonly is: 'unknown' };

/** Only names and shapes matter; `SafetensorsFile.tensors` fits. */
export type TensorShapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

/** How a LoRA names and chooses the modules of one part. */
export interface LoraNaming {
  /** Before the module's name in kohya's files: `lora_te`. */
  readonly prefix: string;
  /** The part's name in diffusers' files and folders: `text_encoder`. */
  readonly folder: string;
  /** What other programs put before a module's path in its place, ComfyUI for one. */
  readonly otherFolders: readonly string[];
  /** The diffusers paths of the modules that are adapted. */
  readonly modules: RegExp;
  /** kohya's name of a module. */
  name(path: string): string;
  /** The diffusers path that a path within this part means, in diffusers' words or the checkpoint's; undefined for another's. */
  pathOf(rest: string): string | undefined;
  /** The path that `name` made the name of; undefined for a name that it does not give. */
  pathOfName(name: string): string | undefined;
  /** Where today's diffusers and transformers have the module in their own model; peft has no other names. */
  modelPath(path: string): string;
  /** Those of the modules that are convolutions of one pixel to kohya's trainer: their matrices have two more sides in its files. */
  readonly convolutions: RegExp;
  /** Whether they are so in diffusers' model and files, too. */
  readonly convolutionsInModel: boolean;
  /** All names that `name` gives, for models of any depth and width. */
  readonly names: RegExp;
  /** The part in the seed of a new LoRA's values: what was trained with a seed once must come out again. */
  readonly seed: string;
}

export interface FamilyFacts {
  readonly title: Localized;
  /** All parts, as people name them. */
  readonly parts: readonly PartName[];
  readonly texts: readonly TextPart[];
  /** Looks at all names of a file once, then says of each what it is. */
  keyMap(names: Iterable<string>): (key: string) => MappedKey;
  readonly lora: Readonly<Partial<Record<LoraPart, LoraNaming>>>;
  /** x0 = `scaling` times what the VAE gives. */
  readonly latents: { readonly scaling: number };
  /** `single`: its VAE's activations overflow in halves, so they are not tried. */
  readonly vaePrecision: 'half' | 'single';
  /** How the text states of captions are kept on the host: as they are computed, or as halves where they are large. */
  readonly textStates: 'single' | 'half';
  /** Of the noise schedule: betas from `betaStart` to `betaEnd`, linear in their roots, over `timesteps`. */
  readonly noise: { readonly betaStart: number; readonly betaEnd: number; readonly timesteps: number };
  /** What the model predicts where nothing says otherwise; `either` where there are both kinds: then it is asked. */
  readonly prediction: Prediction | 'either';
  /**
   * Pixels: the side that it was made for, and of models that predict v where that is another; what sides of buckets are multiples of where nothing says otherwise, and what
   * they must be multiples of; the longest side of a bucket where nothing says otherwise.
   */
  readonly resolution: {
    readonly side: number;
    readonly sideOfV?: number;
    readonly bucketStep: number;
    readonly multipleOf: number;
    readonly longest: number;
  };
  /** sd-scripts' trainer of its LoRAs, and what of its options goes with the family alone. */
  readonly sdScripts: { readonly script: string; readonly options: Readonly<Record<string, boolean>> };
  /** What kohya's `ss_*` and Stability's `modelspec.*` say of a LoRA for it. */
  readonly metadata: {
    readonly baseModelVersion: string;
    readonly v2: boolean;
    readonly architecture: string;
    readonly implementation: string;
    /** Where the model predicts v, in families that are called otherwise then. */
    readonly predictingV?: { readonly baseModelVersion: string; readonly architecture: string };
  };
}

export type Prediction = 'epsilon' | 'v';

/** Well-known models that many were trained from, and that want settings of their own. */
export type Lineage = 'pony' | 'illustrious' | 'noobai';

/** What a checkpoint says of how it was trained; what it does not say is not there. */
export interface ModelMarks {
  readonly prediction?: Prediction;
  /** Its files do not say it: the person did. */
  readonly predictionAsked?: true;
  /** Its noise schedule ends without any signal. */
  readonly zeroTerminalSnr?: boolean;
  readonly lineage?: Lineage;
}
