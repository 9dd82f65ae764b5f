/**
 * What the page and the LoRA worker say to each other: what is in a LoRA file, and what is made of one or several. Files
 * cross as Blobs and handles; `done` and `total` of progress are in the unit of what is done.
 */

export type Progress = (done: number, total: number) => void;

export interface BlockNorm {
  /** `te3` (of two text encoders `te1.3`), `down0`, `mid`, `up2`: as in weights. */
  readonly block: string;
  readonly modules: number;
  /** Root of the sum of the squares of its modules' norms. */
  readonly norm: number;
}

export interface LoraSummary {
  readonly modules: readonly {
    readonly name: string;
    readonly rank: number;
    readonly alpha: number;
    /** ||alpha / rank · up·down||, Frobenius. */
    readonly norm: number;
  }[];
  readonly blocks: readonly BlockNorm[];
  /** Of the whole change. */
  readonly norm: number;
  readonly ranks: { readonly least: number; readonly most: number };
  readonly alphas: { readonly least: number; readonly most: number };
  /** Names of embeddings that came in the same file; they are not used. */
  readonly setAside: readonly string[];
  /** Most frequent first; none where the file does not say. */
  readonly tags: readonly { readonly tag: string; readonly count: number }[];
}

export interface InspectedLora extends LoraSummary {
  readonly metadata: Readonly<Record<string, string>>;
  readonly precision: 'fp16' | 'bf16' | 'float';
}

/** The names that a LoRA is written in. */
export type Writing = 'kohya' | 'diffusers' | 'peft';

export interface ResizeRule {
  /** No module gets a rank above it. */
  readonly rank?: number | undefined;
  /** The least part of the change (Frobenius norm) that each module keeps, within `rank`; above 0, at most 1. */
  readonly share?: number | undefined;
  /** Singular values below this part of the module's largest are dropped; from 0 to below 1. */
  readonly threshold?: number | undefined;
}

/** What became of the ranks. Parts of the change are in the Frobenius norm; 1 is all of it. */
export interface ResizeReport {
  readonly ranks: { readonly least: number; readonly most: number };
  readonly kept: number;
  /** The module that kept least. */
  readonly worst: { readonly name: string; readonly kept: number };
}

export interface LoraWeights {
  readonly all: number;
  /** By `unet`, `te`, `te1` and `te2` where there are two, or a block. The narrower goes before the wider, all of them before `all`. */
  readonly by: ReadonlyMap<string, number>;
}

/** A LoRA to be merged, and under what name that is written down. */
export interface MergedLora {
  readonly file: Blob;
  readonly name: string;
  readonly weights: LoraWeights;
}

/** `path` is relative, with '/'; none where it is one file that the person names. */
export interface MadeFile {
  readonly path?: string;
  readonly file: Blob;
}
export interface MadeLora {
  readonly files: readonly MadeFile[];
  /** None where it was not resized. */
  readonly resized?: ResizeReport;
}

/** One file of a merged model; `index` among the base model's. */
export interface MergedPart {
  readonly index: number;
  readonly bytes: number;
  /** Layers that are changed; a file without any is not written. */
  readonly changed: number;
}

export interface LoraTools {
  inspect(lora: Blob, onProgress: Progress): Promise<InspectedLora>;
  convert(lora: Blob, writing: Writing): Promise<MadeLora>;
  resize(lora: Blob, rule: ResizeRule, onProgress: Progress): Promise<MadeLora>;
  /** Side by side, or resized by `rule`. */
  combine(
    loras: readonly MergedLora[],
    rule: ResizeRule | undefined,
    onProgress: Progress,
  ): Promise<MadeLora>;
  /** What `merge` would write. Rejects if a LoRA does not fit the base model. */
  planMerge(base: readonly File[], loras: readonly MergedLora[]): Promise<MergedPart[]>;
  /**
   * Writes the changed files, piece by piece: the only one to `to`, or all into the browser's own files, whose paths it
   * gives. Progress is in bytes.
   */
  merge(
    base: readonly File[],
    loras: readonly MergedLora[],
    to: FileSystemFileHandle | undefined,
    onProgress: Progress,
  ): Promise<string[]>;
  /** What is under way rejects with an AbortError, and leaves nothing half written. */
  stop(): void;
}
