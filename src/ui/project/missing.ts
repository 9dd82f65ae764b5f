/**
 * What a run still lacks: the one list by which Start is enabled, on the settings and the training screen, and by which
 * the rail says whether all is ready. Pure; what it is called is the screens'.
 */
import type { Preflight } from '../gpu/preflight.svelte';
import type { Answer } from './estimating.svelte';

export interface StartFacts {
  readonly readOnly: boolean;
  readonly pictures: number;
  readonly base: boolean;
  /** What the base model predicts has to be said by the person, and is not. */
  readonly predictionUnsaid: boolean;
  /** A base model on its way into this browser. */
  readonly arriving: 'copied' | 'downloaded' | undefined;
  /** Settings that cannot be used. */
  readonly problems: number;
  /** Pictures that no bucket takes. */
  readonly unusable: number;
  readonly adapter: Preflight['state'];
  readonly estimate: Answer;
}

export type Missing =
  | 'readOnly'
  | 'pictures'
  | 'base'
  | 'prediction'
  | 'copied'
  | 'downloaded'
  | 'problems'
  | 'unusable'
  | 'adapter'
  /** Over a budget that was set by hand: it can be started anyway. */
  | 'memory'
  /** Not even one picture at a time can be bound on this GPU. */
  | 'tooLarge';

/** Empty: Start is enabled. The studio's own aim for memory never stands in the way. */
export function missingFor(facts: StartFacts): Missing[] {
  const { estimate } = facts;
  const found: (Missing | false)[] = [
    facts.readOnly && 'readOnly',
    facts.pictures === 0 && 'pictures',
    !facts.base && (facts.arriving ?? 'base'),
    facts.predictionUnsaid && 'prediction',
    facts.problems > 0 && 'problems',
    facts.unusable > 0 && 'unusable',
    facts.adapter === 'missing' && 'adapter',
    overBudget(estimate) && 'memory',
    estimate.state === 'failed' && estimate.tooLarge === true && 'tooLarge',
  ];
  return found.filter((each) => each !== false);
}

function overBudget(answer: Answer): boolean {
  return answer.state === 'known' && !answer.estimate.auto && !answer.estimate.fits;
}
