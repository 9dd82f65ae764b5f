/** How a LoRA is to be resized, as typed and as it is meant. */
import type { ResizeRule } from '../../protocol/lora_tools';
import { numberIn } from './typed_weights';

export const hows = ['rank', 'share', 'threshold'] as const;
export type How = (typeof hows)[number];

export interface TypedRule {
  readonly how: How;
  readonly value: Readonly<Record<How, string>>;
  /** Beside a share or a threshold; may be empty. */
  readonly highest: string;
}

export const usualRule: TypedRule = {
  how: 'rank',
  value: { rank: '8', share: '0.99', threshold: '0.01' },
  highest: '',
};

/** Undefined where a number is none, or out of range. */
export function ruleOf({ how, value, highest }: TypedRule): ResizeRule | undefined {
  const number = numberIn(value[how]);
  const most = highest.trim() === '' ? undefined : numberIn(highest);
  if (number === undefined || (highest.trim() !== '' && !isRank(most))) return undefined;
  switch (how) {
    case 'rank':
      return isRank(number) ? { rank: number } : undefined;
    case 'share':
      return number > 0 && number <= 1 ? { share: number, rank: most } : undefined;
    case 'threshold':
      return number >= 0 && number < 1 ? { threshold: number, rank: most } : undefined;
  }
}

function isRank(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value >= 1;
}
