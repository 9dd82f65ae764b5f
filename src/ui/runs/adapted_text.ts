/** That a run does with less memory from a step on: the same sentence in the notice and in the log. */
import { number } from '../figures';
import type { messages } from './messages';
import type { Notice } from './states';

export function adaptedText(
  m: (typeof messages)['en'],
  { step, recomputedBlocks, blocks, microBatch }: Omit<Extract<Notice, { kind: 'adapted' }>, 'kind'>,
): string {
  return m.notice.adaptedText(number(step), `${recomputedBlocks}/${blocks}`, m.notice.pictures(microBatch));
}
