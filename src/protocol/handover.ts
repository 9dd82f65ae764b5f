/**
 * What the page and the handover worker say to each other: a run goes out as a job for sd-scripts, and what came of it comes
 * back. Bytes cross as Blobs, errors as data.
 */

/** A picture on its way out. */
export interface OutgoingPicture {
  name: string;
  /** As it is trained on. */
  caption: string;
  repeats: number;
  /** Where the crop sits, 0 to 1 across and down. */
  focus: readonly [number, number];
  file: Blob;
}

export interface OutgoingJob {
  /** YAML */
  config: string;
  pictures: OutgoingPicture[];
  /** The LoRA to go on from. */
  lora?: { name: string; file: Blob };
  /** Of the base model. */
  family?: 'sd1' | 'sd2' | 'sdxl';
  baseName: string;
  vaeName?: string;
  processes: number;
  cpu: boolean;
  /** Each picture cut to its bucket, as it is trained on here; otherwise as it was given. */
  cropped: boolean;
}

/** A file that came back; with folders, '/' between them. */
export interface ReturnedFile {
  path: string;
  file: Blob;
  /** Milliseconds since 1970, where it is known. */
  modified?: number;
}

export interface ReturnedLora {
  step: number;
  epoch: number;
  /** Of its file. */
  name: string;
  file: Blob;
  /** The run's end. */
  final: boolean;
  /** Milliseconds since 1970. */
  savedAt: number;
}

export interface ReturnedPoint {
  step: number;
  epoch: number;
  loss: number;
  /** NaN where the log has none. */
  learningRate: number;
  textLearningRate?: number;
  averageLoss?: number;
  gradientNorm?: number;
  /** Since the first step that was logged. */
  seconds: number;
}

export interface ReturnedSample {
  step: number;
  /** The line of `sample_prompts`, or `#1` for the first where these are not known. */
  prompt: string;
  seed: number;
  width: number;
  height: number;
  /** PNG */
  image: Blob;
}

/** A run as sd-scripts left it. */
export interface ReturnedRun {
  name: string;
  /** Milliseconds since 1970. */
  startedAt: number;
  seconds: number;
  step: number;
  /** That were to be trained. */
  steps: number;
  images: number;
  /** What is known of its settings, over our defaults; YAML. */
  config: string;
  /** How many settings its files say. */
  known: number;
  /** File name of the base model; '' where nothing says it. */
  baseName: string;
  baseSha256?: string;
  trainedFrom?: string;
  loras: ReturnedLora[];
  points: ReturnedPoint[];
  samples: ReturnedSample[];
  /** Of the job that it was, where that came along: `changed` are files that are no longer as they were sent. */
  job?: { files: number; changed: string[] };
}

/** What was not taken, and why. */
export type ReturnedNote = { file: string } & (
  | { why: 'error'; error: { name: string; message: string; code?: unknown; facts?: unknown } }
  /** `offset`: where the record begins; all before it was read. */
  | { why: 'log-damaged'; offset: number }
  | {
      why: 'picture-damaged' | 'no-sample-name' | 'no-step' | 'same-step' | 'other-run' | 'state' | 'unknown';
    }
);

export interface Returned {
  /** Undefined where nothing of a run is among the files. */
  run: ReturnedRun | undefined;
  notes: ReturnedNote[];
}

export interface HandoverWorker {
  /**
   * The zip of a job, written into `to` where one is given. `onProgress` is told the pictures that are in. Rejects with
   * ZipError, DecodeError, or AbortError after `cancel`; `to` is then as it was.
   */
  pack(
    job: OutgoingJob,
    to: FileSystemFileHandle | undefined,
    onProgress: (pictures: number) => void,
  ): Promise<Blob | undefined>;
  cancel(): void;
  /** Zips among the files are opened. Never rejects for what is in a file. */
  read(files: ReturnedFile[]): Promise<Returned>;
}
