/**
 * What the page and the trainer worker say to each other. Plain data; big bytes cross as Blobs.
 */

/** The phases of a run, in order. */
export type Phase = 'load' | 'encode' | 'compile' | 'train' | 'save';

/** What a run will be, known before its first step. Bytes are of GPU memory. */
export interface RunPlan {
  steps: number;
  epochs: number;
  stepsPerEpoch: number;
  images: number;
  loraModules: number;
  loraParameters: number;
  /** Blocks of the U-Net whose activations are recomputed, of how many. */
  recomputedBlocks: number;
  blocks: number;
  weightBytes: number;
  predictedPeakBytes: number;
  tier: string;
  adapter: string;
}

export interface StepReport {
  kind: 'step';
  /** Updates done so far, this one included. */
  step: number;
  steps: number;
  /** Counted from 1. */
  epoch: number;
  loss: number;
  /** Exponentially smoothed, without bias at the start. */
  averageLoss: number;
  learningRate: number;
  gradientNorm: number;
  lossScale: number;
  /** The update was left out because a gradient was not finite. */
  skipped: boolean;
  stepSeconds: number;
  etaSeconds: number;
}

/** A file to keep: a LoRA that can be used, or the state from which the run resumes. */
export interface SavedFile {
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
}

export type TrainEvent =
  | { kind: 'phase'; phase: Phase }
  | {
      kind: 'progress';
      phase: Phase;
      done: number;
      total: number;
      unit: 'bytes' | 'images' | 'captions' | 'steps';
    }
  | { kind: 'plan'; plan: RunPlan }
  | StepReport
  | {
      kind: 'sample';
      step: number;
      prompt: string;
      width: number;
      height: number;
      rgba: Uint8ClampedArray<ArrayBuffer>;
    }
  | { kind: 'saved'; step: number; final: boolean; lora: SavedFile; state: SavedFile }
  | { kind: 'note'; text: string }
  | { kind: 'done'; step: number };

export interface JobImage {
  name: string;
  caption: string;
  repeats: number;
  file: Blob;
}

/** A run as the page asks for it. `config` is the text of a YAML configuration. */
export interface TrainJob {
  config: string;
  baseName: string;
  base: Blob[];
  images: JobImage[];
  /** CLIP's merge list, as text. */
  merges: string;
  /** A LoRA to start from, and the saved state of an interrupted run. */
  pretrained?: Blob;
  state?: Blob;
}

/** The trainer worker. One run at a time. */
export interface Trainer {
  /** Resolves when the run has ended or was stopped; rejects with a sentence for the user. */
  train(job: TrainJob, onEvent: (event: TrainEvent) => void): Promise<void>;
  /** Asks the run to finish its step, save and end. */
  stop(): void;
}
