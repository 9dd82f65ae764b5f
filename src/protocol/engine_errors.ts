/**
 * What the errors of the trainer worker know, by their name and code: the page says them in the person's language from
 * this. The English sentence is the error's own. Errors of `formats` and `storage` are described there.
 */

type Nothing = Record<string, never>;

/** What is not as it was when a state was saved. Values as JSON; of pictures, the first few names and how many. */
export type StateChange =
  | { what: 'setting'; name: string; was: string; now: string }
  | {
      what: 'pictures';
      how: 'content' | 'caption' | 'place' | 'added' | 'removed' | 'order';
      count: number;
      names: string[];
    }
  | { what: 'base' };

export interface EngineFacts {
  /** `found` names the tensors. */
  CheckpointShapeError: { shape: { found: string } };
  /** Not even single pictures with everything recomputed fit a budget that was set by hand. */
  MemoryBudgetError: { budget: { neededBytes: number; budgetBytes: number; quantized: boolean } };
  OutOfMemoryError: { memory: Nothing };
  BufferTooLargeError: { buffer: { bytes: number; limitBytes: number } };
  InvalidScheduleError: {
    warmup: { warmup: number; steps: number };
    settings: { warmup: number; steps: number };
  };
  DeviceLostError: { lost: { reason: string } };
  DrawingLostError: { lost: { reason: string } };
  NonFiniteLossError: {
    loss: { step: number; skips: number; skippedSteps: number };
    /** The run came to its end without one step that could be taken. */
    'no-step': { step: number; skips: number; skippedSteps: number };
  };
  NonFiniteLatentsError: { latents: { picture: string } };
  ResumeError: {
    'not-a-state': Nothing;
    /** States from before they remembered what they depend on. */
    'other-run': Nothing;
    changed: { changes: StateChange[] };
    damaged: Nothing;
    'other-size': Nothing;
  };
  /** No error: a run goes on with what may change. */
  Resumed: { changed: { step: number; changes: StateChange[] }; complete: { step: number } };
  RunSettingsError: { 'no-pictures': Nothing; 'nothing-trained': Nothing };
  GpuUnavailableError: {
    'no-webgpu': Nothing;
    'no-adapter': Nothing;
    'no-tier': Nothing;
    'not-open': Nothing;
  };
  DecodeError: { decode: { picture: string } };
  BusyError: { busy: Nothing };
  /** What was asked for cannot be drawn. */
  DrawRequestError: {
    size: { width: number; height: number };
    steps: { steps: number; guidance: number };
    seed: { seed: number };
    sampler: { sampler: string };
  };
  /** CLIP's merge list is not the one of this model. */
  TokenizerError: { vocabulary: Nothing; merge: Nothing };
  /** No error, but told like one: a prompt is drawn, though not whole. */
  /** No error: a LoRA whose modules differ in rank keeps them. `anew`: modules of a part that it lacks. */
  KeptRanks: { kept: { least: number; most: number; anew: number } };
  /** No error: what the VAE said of pictures is there from an earlier run, or could not be kept for the next. */
  KeptLatents: {
    found: { found: number; pictures: number };
    damaged: { count: number };
    lost: { lost: number; pictures: number };
  };
  LongPrompt: { cut: { tokens: number; text: string } };
}
