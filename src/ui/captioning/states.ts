/** What the captioner is at, and what it gives, as the screen sees it. */
import type { CaptionProposal } from '../../protocol/captioner';

export type Now =
  | { readonly state: 'idle' }
  /** Nothing was begun, for a run is under way. */
  | { readonly state: 'training' }
  /** Bytes of the model on their way. */
  | { readonly state: 'loading'; readonly done: number; readonly total: number | undefined }
  /** Phrases being embedded, the first time with a model. */
  | { readonly state: 'phrases'; readonly done: number; readonly total: number }
  /** Pictures. `proposing` is false while it looks at those that need no caption, to know the set. */
  | { readonly state: 'looking'; readonly done: number; readonly total: number; readonly proposing: boolean }
  /** The model cannot be used. */
  | { readonly state: 'failed'; readonly sentence: string }
  /** The worker that took the place of a lost one was lost, too; `left` pictures wait. */
  | { readonly state: 'lost'; readonly left: number; readonly sentence: string };

/** A proposal that would change its picture's caption. */
export interface Offer {
  readonly proposal: CaptionProposal;
  /** The caption, were it taken. */
  readonly caption: string;
}

/** Why a picture could not be looked at, beside the captioner's own problems. */
export const FILE_GONE = 'file-gone';

/** Pictures that could not be looked at, for one reason. */
export interface Failure {
  /** The captioner's problem, FILE_GONE, or a sentence. */
  readonly why: string;
  readonly ids: readonly string[];
}
