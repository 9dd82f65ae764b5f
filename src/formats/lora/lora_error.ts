// Why a LoRA cannot be read, written or continued. Where a sentence says more than its code does, it is there in both
// languages: what knows the reason writes it, and it comes with the reader instead of with the page.
import type { Bilingual } from '../config/config_fields';

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

/** Names the layer where there is one. */
export class LoraError extends Error {
  override name = 'LoraError';
  readonly #zh: string | undefined;
  constructor(
    readonly code: LoraErrorCode,
    sentence: string | Bilingual,
    readonly module?: string,
  ) {
    super(typeof sentence === 'string' ? sentence : sentence.en);
    this.#zh = typeof sentence === 'string' ? undefined : sentence.zh;
  }

  get facts(): { module: string | undefined; zh?: string } {
    return { module: this.module, ...(this.#zh === undefined ? {} : { zh: this.#zh }) };
  }
}
