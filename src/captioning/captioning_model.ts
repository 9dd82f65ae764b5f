/**
 * A model opened for captions, CLIP or tagger behind one interface: a picture's embedding or probabilities, as numbers that
 * can be kept, and the scores of phrases that follow from them under a person's options.
 */
import type { Tokenizer } from '../formats/captions/tokenizer';
import type { CaptionModelFacts, CaptionOptions } from '../protocol/captioner';
import type { Embedding } from './embedding';
import type { Pixels } from './preprocess';
import type { Ranked } from './rank';
import type { Slot } from './vocabulary/slot';

export interface CaptioningModel {
  readonly facts: CaptionModelFacts;
  /** The caption where a person has written no template. */
  readonly template: string;
  /** Counts a caption's tokens. */
  readonly tokenizer: Tokenizer;
  /** Of its preprocessing: numbers kept under another version are not its own. */
  readonly version: string;
  /** A CLIP's embedding [dimensions]; a tagger's pairs of a tag's number and its probability. */
  encodeImage(pixels: Pixels): Promise<Float32Array>;
  /** Whether numbers that were kept can be its own. */
  fits(encoded: Float32Array): boolean;
  /** Scores phrases as the options have it, their terms embedded. */
  scorerFor(options: CaptionOptions): Promise<Scorer>;
  /** Words as a place among the pictures; of CLIP only. */
  readonly encodeText?: (words: string) => Promise<Embedding>;
  close(): Promise<void>;
}

export interface Scorer {
  readonly slots: readonly Slot[];
  /** What a picture says, surest first, measured against the set it is of. */
  against(set: readonly Float32Array[]): (encoded: Float32Array) => Ranked[];
}
