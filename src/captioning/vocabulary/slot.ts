/**
 * What a slot of a caption is: a question CLIP is asked about a picture, with the phrases that may answer it.
 * Phrases are written as they stand in a caption, without an article; the prompts that CLIP sees are made from them.
 */
import type { Purpose } from '../../protocol/captioner';

export interface SlotFacts {
  /** As templates call it: `[subject]`. Lower-case letters. */
  readonly name: string;
  /**
   * Sentences around a phrase, whose embeddings are averaged: `{}` is the phrase, `{a}` the phrase with its article.
   */
  readonly templates: readonly string[];
  readonly phrases: readonly string[];
  /**
   * When captions leave the slot to the trigger word: always (a style set must not name its medium), or where a
   * phrase is constant over the set (what a character always is).
   */
  readonly absorbed?: Partial<Readonly<Record<Purpose, 'always' | 'constant'>>>;
}

/** One answer at most; blank where CLIP hesitates between two. */
export interface ExclusiveSlot extends SlotFacts {
  readonly kind: 'exclusive';
  /** Least lead over the next phrase, in probability, 0 to 1. */
  readonly minMargin: number;
  /**
   * How many things there may be beside each other in one picture, each with its answer; one unless told. Answers that
   * share a word ("red star", "orange star") are one thing in doubt.
   */
  readonly most?: number;
}

/** Any number of answers, for there may be several or none. */
export interface MultiSlot extends SlotFacts {
  readonly kind: 'multi';
  /** Least distance above the phrase's mean over the reference pictures, in standard deviations. */
  readonly minZ: number;
  readonly most: number;
}

export type Slot = ExclusiveSlot | MultiSlot;
