/** What became of ranks, in figures. */
import { number } from '../figures';
import type { messages } from './messages';

type Words = (typeof messages)['en'];

export function ranksText({ least, most }: { least: number; most: number }, words: Words): string {
  return least === most ? number(most) : words.range(number(least), number(most));
}

/** '99.25 %' */
export function shareText(part: number): string {
  return `${number(100 * part, 2)} %`;
}
