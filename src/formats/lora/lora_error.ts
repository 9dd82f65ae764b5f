// Why a LoRA cannot be read, written or continued. Where a sentence says more than its code does, it is there in both
// languages: what knows the reason writes it, and it comes with the reader instead of with the page.
import type { Localized } from '../config/language';

export type LoraErrorCode =
  | 'no-modules'
  | 'other-method'
  | 'missing-half'
  | 'wrong-shape'
  | 'not-float'
  | 'too-large'
  | 'non-finite'
  | 'unknown-module'
  | 'wrong-rank'
  /** Ranks above what can be trained here. */
  | 'other-ranks';

/** The layer, where there is one; the sentence itself, where it says more than the code. */
export interface LoraErrorFacts {
  readonly module?: string | undefined;
  readonly said?: Localized | undefined;
}

/** Names the layer where there is one. */
export class LoraError extends Error {
  override name = 'LoraError';
  readonly #said: Localized | undefined;
  constructor(
    readonly code: LoraErrorCode,
    sentence: string | Localized,
    readonly module?: string,
  ) {
    super(typeof sentence === 'string' ? sentence : sentence.en);
    this.#said = typeof sentence === 'string' ? undefined : sentence;
  }

  get facts(): LoraErrorFacts {
    return { module: this.module, ...(this.#said === undefined ? {} : { said: this.#said }) };
  }
}
