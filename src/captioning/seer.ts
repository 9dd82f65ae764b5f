/**
 * A model opened for captions, CLIP or tagger behind one face: what it sees in a picture, as numbers that can be kept,
 * and what those numbers say under a person's options.
 */
import type { Tokenizer } from '../formats/captions/tokenizer';
import type { CaptionModelFacts, CaptionOptions } from '../protocol/captioner';
import type { Embedding } from './embedding';
import type { Pixels } from './preprocess';
import type { Ranked } from './rank';
import type { Slot } from './vocabulary/slot';

export interface Seer {
  readonly facts: CaptionModelFacts;
  /** The caption where a person has written no template. */
  readonly template: string;
  /** Counts a caption's tokens. */
  readonly tokenizer: Tokenizer;
  /** How it looks: numbers kept under another version are not its own. */
  readonly version: string;
  look(pixels: Pixels): Promise<Float32Array>;
  /** Whether numbers that were kept can be its own. */
  fits(seen: Float32Array): boolean;
  /** The question that options make, their terms embedded. */
  ask(options: CaptionOptions): Promise<Question>;
  /** Words as a place among the pictures; of CLIP only. */
  readonly embed?: (words: string) => Promise<Embedding>;
  close(): Promise<void>;
}

export interface Question {
  readonly slots: readonly Slot[];
  /** What a picture says, surest first, measured against the set it is of. */
  among(set: readonly Float32Array[]): (seen: Float32Array) => Ranked[];
}
