/** From proposals to what is offered, and to changes of captions. Pure. */
import { merged, type MergeMode } from '../../formats/captions/caption_merge';
import type { CaptionProposal } from '../../protocol/captioner';
import type { Picture } from '../../storage/pictures';
import type { Failure, Offer } from './states';

/**
 * Of the pictures wanted, those whose caption a proposal would change. `count` gives the tokens of a caption.
 */
export function offersOf(
  proposals: ReadonlyMap<string, CaptionProposal>,
  wanted: Iterable<string>,
  pictures: ReadonlyMap<string, Picture>,
  mode: MergeMode,
  count: (caption: string) => number,
): ReadonlyMap<string, Offer> {
  const offers = new Map<string, Offer>();
  for (const id of wanted) {
    const [proposal, picture] = [proposals.get(id), pictures.get(id)];
    if (!proposal || !picture || picture.aside !== undefined) continue;
    const caption = merged(picture.caption, proposal.caption, mode, count);
    if (caption !== picture.caption) offers.set(id, { proposal, caption });
  }
  return offers;
}

/**
 * Of the pictures proposed for, those that wait for a decision: not dismissed, and not taken, unless their caption is
 * again what it was before that.
 */
export function openOf(
  scope: Iterable<string>,
  dismissed: ReadonlySet<string>,
  taken: ReadonlyMap<string, string>,
  pictures: ReadonlyMap<string, Picture>,
): string[] {
  return [...scope].filter((id) => {
    const before = taken.get(id);
    return !dismissed.has(id) && (before === undefined || pictures.get(id)?.caption === before);
  });
}

/** Which pictures to propose for: all that are used, or of these only those without a caption. */
export function wantedOf(pictures: readonly Picture[], mode: MergeMode): string[] {
  return pictures
    .filter(({ aside, caption }) => aside === undefined && (mode !== 'only-empty' || caption.trim() === ''))
    .map(({ id }) => id);
}

/** By reason, the commonest first. */
export function grouped(failures: Iterable<readonly [id: string, why: string]>): Failure[] {
  const groups = new Map<string, string[]>();
  for (const [id, why] of failures) {
    const group = groups.get(why);
    if (group) group.push(id);
    else groups.set(why, [id]);
  }
  return [...groups].map(([why, ids]) => ({ why, ids })).sort((a, b) => b.ids.length - a.ids.length);
}
