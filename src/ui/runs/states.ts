/** What a run can be doing, as the page sees it, and what else there is to say about it. Types only. */
import type { Phase, ToldError } from '../../protocol/trainer';
import type { Silence } from './heartbeat';

export type Now =
  | { readonly state: 'idle' }
  /** Before its first step. `done` of `total` where the phase counts. */
  | {
      readonly state: 'preparing';
      readonly phase: Exclude<Phase, 'train' | 'sample' | 'save'>;
      readonly done?: number;
      readonly total?: number;
      readonly unit?: 'bytes' | 'images' | 'captions' | 'steps' | 'programs';
    }
  | { readonly state: 'training' }
  /** Samples are drawn: before the first step, between two, or after the last. */
  | { readonly state: 'sampling' }
  /** The last save, after the last step. */
  | { readonly state: 'saving' }
  | { readonly state: 'paused' }
  /** The worker does not answer, or its GPU brings no step; what it was doing `before` goes on if it does. */
  | { readonly state: 'silent'; readonly what: Silence; readonly since: number; readonly before: Now }
  /** The GPU was lost; the run goes on by itself in a new worker. */
  | { readonly state: 'recovering' }
  /** The GPU was lost again; the browser may keep it locked until then. */
  | { readonly state: 'waiting'; readonly until: number }
  /** The loss is no longer a number; the last good state is kept. */
  | { readonly state: 'unstable'; readonly step: number }
  /** The sentence is in the language of then; the error, by which it is said in others, is gone after a reload. */
  | { readonly state: 'failed'; readonly why: Failure; readonly sentence: string; readonly error?: Error }
  | { readonly state: 'stopped' }
  | { readonly state: 'finished' };

/** What can be done about it: start anyway or make it fit, choose the model again, put the settings right, or only try again. */
export type Failure = 'budget' | 'memory' | 'base' | 'settings' | 'resume' | 'gpu' | 'other';

export interface PhaseTime {
  readonly phase: 'load' | 'encode' | 'compile' | 'train' | 'sample';
  /** Until now; undefined while it lasts. */
  readonly seconds: number | undefined;
  /** It came to its end: a run that was stopped in the middle of it did not bring it there. */
  readonly complete: boolean;
  /** What it counts, such as 12 of 40 pictures. */
  readonly counted?: { readonly done: number; readonly total: number };
}

/** A line above the curve, until it is put away or outdated. */
export type Notice =
  | { readonly kind: 'recovered'; readonly step: number }
  | { readonly kind: 'gap'; readonly minutes: number }
  | { readonly kind: 'slow'; readonly seconds: number; readonly usual: number }
  /** Far slower than the GPU's measured speed allows: its memory probably spills into the system's. */
  | { readonly kind: 'spilling'; readonly seconds: number; readonly expected: number }
  /** The GPU's memory ran out; from this step on the run does with less. */
  | {
      readonly kind: 'adapted';
      readonly step: number;
      readonly recomputedBlocks: number;
      readonly blocks: number;
      readonly microBatch: number;
    }
  /** The newest saved state is damaged; what came after `step` is trained again. */
  | { readonly kind: 'fell-back'; readonly step: number; readonly lost?: number }
  | ({ readonly kind: 'samples-failed'; readonly step: number } & Readonly<ToldError>)
  /** What storage held of the project was cleared under the run. */
  | { readonly kind: 'cleared' }
  | { readonly kind: 'low-storage'; readonly freeBytes: number; readonly more: number };

export interface SampleView {
  readonly step: number;
  readonly prompt: string;
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  /** Of a PNG, valid as long as the run is shown. */
  readonly url: string;
}

export interface CheckpointView {
  readonly step: number;
  readonly name: string;
  readonly savedAt: number;
  readonly final: boolean;
  readonly bytes: number;
}

export type WakeLockState = 'off' | 'on' | 'waiting' | 'refused' | 'missing';
