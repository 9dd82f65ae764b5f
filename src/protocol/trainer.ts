/**
 * What the page and the trainer worker say to each other. Plain data; big bytes cross as Blobs. Nothing here runs: the
 * worker `satisfies` the interface, the page holds a `Remote` of it.
 */

/** The phases of a run; 'sample' comes between steps, before the first and after the last, and what was under way follows. */
export type Phase = 'load' | 'encode' | 'compile' | 'train' | 'sample' | 'save';

/** What a run will be, known before its first step. Bytes are of GPU memory. */
export interface RunPlan {
  steps: number;
  epochs: number;
  stepsPerEpoch: number;
  images: number;
  loraModules: number;
  loraParameters: number;
  /** Of its modules, where they differ: a LoRA that is continued keeps ranks of its own. */
  loraRanks?: { least: number; most: number };
  /** Blocks of the U-Net whose activations are recomputed, of how many. */
  recomputedBlocks: number;
  blocks: number;
  /** Pictures that go through the GPU at once; a larger batch is put together from several passes. */
  microBatch: number;
  /** Pictures in the largest batch. */
  largestBatch: number;
  weightBytes: number;
  predictedPeakBytes: number;
  tier: string;
  adapter: string;
  /** Steps that were done before, where it is resumed. */
  from?: number;
  /** When it began first, in milliseconds since 1970: a resumed run keeps it. Plans kept from before it was told have none. */
  startedAt?: number;
}

export interface StepReport {
  kind: 'step';
  /** Updates done so far, this one included. */
  step: number;
  steps: number;
  /** Counted from 1. */
  epoch: number;
  loss: number;
  /** Exponentially smoothed over the losses that were numbers, without bias at the start; NaN before there is one. */
  averageLoss: number;
  /** In use at this update: the U-Net's, or the text encoder's where that alone is trained. */
  learningRate: number;
  /** The text encoder's, where both are trained. */
  textLearningRate?: number;
  gradientNorm: number;
  lossScale: number;
  /** The update was left out because a gradient was not finite. */
  skipped: boolean;
  stepSeconds: number;
  /** Of GPU memory, held when this was told; buffers that wait to be used again among it. */
  gpuBytes: number;
  /** Until the end of the run, samples and checkpoints among it. */
  etaSeconds: number;
}

/** A file to keep: a LoRA that can be used, or the state from which the run resumes. */
export interface SavedFile {
  name: string;
  /** Made where it was computed, so that what crosses is a reference. */
  blob: Blob;
}

/**
 * What the VAE said of pictures, as named entries on a disk. What fails there must not end a run: `read` gives nothing then,
 * `write` says false.
 */
export interface LatentStore {
  read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean>;
  /** Deletes others than these, oldest first, until all together are no more than `mostBytes`. */
  shrink(keep: ReadonlySet<string>, mostBytes: number): Promise<void>;
}

/** What a run survived: in English, and by what the page says it in other languages. */
export interface ToldError {
  sentence: string;
  error?: { name: string; code: string; facts: unknown };
}

export type TrainEvent =
  | { kind: 'phase'; phase: Phase }
  | {
      kind: 'progress';
      phase: Phase;
      done: number;
      total: number;
      unit: 'bytes' | 'images' | 'captions' | 'steps' | 'programs';
    }
  | { kind: 'plan'; plan: RunPlan }
  | StepReport
  | {
      kind: 'sample';
      step: number;
      /** Its place in the list of prompts, counted from 0, and what stands there, options included. */
      index: number;
      prompt: string;
      seed: number;
      width: number;
      height: number;
      rgba: Uint8ClampedArray<ArrayBuffer>;
    }
  /**
   * The loss is far above where the run began, since about that step: from one level, where enough of it was seen, to
   * another. Told once. The run goes on unless it is asked to pause or stop.
   */
  | { kind: 'diverged'; step: number; since: number; from?: number; to: number }
  /** Samples could not be drawn; the training goes on. */
  | ({ kind: 'sample-failed'; step: number } & ToldError)
  | { kind: 'saved'; step: number; epoch: number; final: boolean; lora: SavedFile; state: SavedFile }
  /**
   * The GPU had no memory left: the run starts anew from `step` (the last that was saved, or 0) and needs less from there
   * on. From there its bits may differ from those of a run that had more.
   */
  | { kind: 'adapted'; step: number; recomputedBlocks: number; blocks: number; microBatch: number }
  /**
   * The newest saved state is damaged: the run goes on from the one before it, of `step`. `newest` is the damaged one's
   * step, where it can be read.
   */
  | { kind: 'fell-back'; step: number; newest?: number }
  /** The run waits for `ask('resume')`; everything stays on the GPU. */
  | { kind: 'paused'; step: number }
  | { kind: 'resumed'; step: number }
  | ({ kind: 'note' } & ToldError)
  /** The LoRA as it is could not be written when the run gave up. */
  | ({ kind: 'not-saved' } & ToldError)
  | { kind: 'done'; step: number };

export interface JobImage {
  name: string;
  caption: string;
  repeats: number;
  file: Blob;
  /** Where the crop sits in what a bucket cuts off, 0 to 1 along each axis; the centre where it is missing. */
  focus?: readonly [number, number];
}

/** A run as the page asks for it. `config` is the text of a YAML configuration. */
export interface TrainJob {
  config: string;
  baseName: string;
  base: Blob[];
  images: JobImage[];
  /** CLIP's merge list, as text. */
  merges: string;
  /** Whose pictures these are: what the VAE says of them is kept for its next run. */
  project?: string;
  /** GB of memory that the graphics card has, where a person said so: what a budget of 0 then works with. */
  cardGb?: number;
  /** Train even if the prediction is over a budget that was set by hand. */
  anyway?: boolean;
  /** A LoRA to start from, and the saved state of an interrupted run. */
  pretrained?: Blob;
  state?: Blob;
  /** States from before `state`, newest first: for where that is damaged. */
  olderStates?: Blob[];
}

export interface EstimateRequest {
  /** YAML. */
  config: string;
  base: Blob[];
  baseName: string;
  /** Upright sizes, before any bucket. */
  images: { width: number; height: number; repeats: number }[];
  /** As in `TrainJob`. */
  cardGb?: number;
}

/** What a run would be. Bytes are of GPU memory, but `loraBytes`, which is the file's. */
export interface Estimate {
  steps: number;
  epochs: number;
  stepsPerEpoch: number;
  /** Sizes that batches have, with how many different pictures go into each. */
  buckets: { width: number; height: number; images: number }[];
  loraModules: number;
  loraParameters: number;
  /** As in `RunPlan`. */
  loraRanks?: { least: number; most: number };
  loraBytes: number;
  /** Blocks of the U-Net whose activations are recomputed, of how many. */
  recomputedBlocks: number;
  blocks: number;
  /** Pictures that go through the GPU at once; a larger batch is put together from several passes. */
  microBatch: number;
  /** Pictures in the largest batch. */
  largestBatch: number;
  /** What the peak consists of; the parts sum to `peakBytes`. */
  bytes: {
    /** The base model as far as it is loaded at the peak. */
    weights: number;
    /** Activations kept from the forward pass for the backward pass. */
    kept: number;
    /** What a block needs while it runs, and inputs. */
    working: number;
    /** LoRA, gradients and the optimizer's moments. */
    lora: number;
  };
  peakBytes: number;
  budgetBytes: number;
  /** The budget is the studio's own aim (memory_budget_gb 0), which it stays under where it can and never refuses for. */
  auto: boolean;
  /** Within the budget. */
  fits: boolean;
  /** Arithmetic of a mean step, multiply-adds counting two: forward, recomputation and backward of all its batches. */
  flopsPerStep: number;
  /** Share of the probe's GFLOP/s that a whole step reaches: stepSeconds = flopsPerStep / (1e9 gflops * efficiency). */
  efficiency: number;
}

/** What three seconds on the GPU showed. */
export interface Probe {
  adapter: string;
  vendor: string;
  tier: string;
  /** The adapter runs on the CPU: only the demo's small model trains in bearable time. */
  software: boolean;
  limits: { maxBufferSize: number; maxStorageBufferBindingSize: number };
  /** Sustained by our matrix product in this tier. */
  gflops: number;
  /** How long the measurement took. */
  seconds: number;
}

export interface PictureRequest {
  prompt: string;
  negative: string;
  seed: number;
  width: number;
  height: number;
  steps: number;
  guidance: number;
  sampler: string;
}

/** Pictures with any number of LoRAs merged into a base model. */
export interface DrawRequest {
  base: Blob[];
  baseName: string;
  /** CLIP's merge list, as text. */
  merges: string;
  loras: { file: Blob; weight: number }[];
  /** As in the configuration the LoRAs were trained with; 1 and false where missing. */
  clipSkip?: number;
  vPrediction?: boolean;
  zeroTerminalSnr?: boolean;
  /** GB of memory that the graphics card has, where a person said so. */
  cardGb?: number;
  pictures: PictureRequest[];
}

export type DrawEvent =
  /** The base model on its way to the GPU, in bytes; only where it is not there from the last time. */
  | { kind: 'load'; done: number; total: number }
  | { kind: 'progress'; picture: number; done: number; total: number }
  | {
      kind: 'picture';
      picture: number;
      width: number;
      height: number;
      rgba: Uint8ClampedArray<ArrayBuffer>;
    };

/** What can be asked of a run under way; each happens between two steps. */
export type Ask = 'stop' | 'pause' | 'resume' | 'sample' | 'save';

/** The trainer worker. It does one thing at a time: a second is refused with a sentence. */
export interface Trainer {
  /** Resolves when the run has ended or was stopped; rejects with a sentence for the user. */
  train(job: TrainJob, onEvent: (event: TrainEvent) => void | Promise<void>): Promise<void>;
  /**
   * 'stop' finishes the step, saves, ends; it also ends the drawing of pictures, which then rejects with an AbortError.
   * 'sample' and 'save' happen after the step under way.
   */
  ask(what: Ask): void;
  /** Answers at once, whatever else is done: a worker that does not has hung. */
  alive(): true;
  /** What a run would be, without starting it or reading any weights. */
  estimate(request: EstimateRequest): Promise<Estimate>;
  /** Three seconds on the GPU: adapter facts, tier, measured speed. */
  probe(): Promise<Probe>;
  /** Draws pictures with any number of LoRAs. */
  draw(request: DrawRequest, onEvent: (event: DrawEvent) => void | Promise<void>): Promise<void>;
}
