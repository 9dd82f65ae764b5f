/** What the purpose of a set leaves out of its captions, slot by slot. Pure. */
import type { CaptionProposal } from '../../protocol/captioner';

export interface LeftOutSlot {
  readonly slot: string;
  /** The commonest few. */
  readonly phrases: readonly string[];
}

const FEW = 3;

/** Slots with phrases hidden for the purpose's sake, and those that a person has said are to be shown. */
export function leftOutSlots(
  proposals: Iterable<CaptionProposal>,
  shown: readonly string[],
): readonly LeftOutSlot[] {
  const counts = new Map<string, Map<string, number>>(shown.map((slot) => [slot, new Map()]));
  for (const { said, hidden } of proposals) {
    const absorbed = hidden.filter(({ why }) => why === 'style-of-the-set' || why === 'constant-trait');
    for (const { slot, phrase } of [...absorbed, ...said.filter(({ slot: own }) => shown.includes(own))]) {
      const phrases = counts.get(slot) ?? new Map<string, number>();
      phrases.set(phrase, (phrases.get(phrase) ?? 0) + 1);
      counts.set(slot, phrases);
    }
  }
  return [...counts]
    .map(([slot, phrases]) => ({
      slot,
      phrases: [...phrases]
        .sort((a, b) => b[1] - a[1])
        .slice(0, FEW)
        .map(([phrase]) => phrase),
    }))
    .sort((a, b) => a.slot.localeCompare(b.slot, 'en'));
}
