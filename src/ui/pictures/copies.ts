/**
 * Of pictures that are copies of one another, which to keep: the captioned one, then the largest, then the first. Pure;
 * finding copies is import/likeness.
 */
import type { Picture } from '../../storage/pictures';
import type { Change } from './changes';
import { Likeness } from './import/likeness';

/** The better one first. */
export function better(a: Picture, b: Picture): number {
  return (
    Number(b.caption !== '') - Number(a.caption !== '') ||
    b.width * b.height - a.width * a.height ||
    b.byteLength - a.byteLength ||
    a.order - b.order
  );
}

/**
 * What to change so that of each picture in use and the copies of it that are set aside, the best is used. Empty where
 * that is so already. Copies whose original is gone stay as they are. `may`: which pictures in use may give way.
 */
export function bestKept(
  pictures: readonly Picture[],
  may?: (kept: Picture) => boolean,
): Map<string, Change> {
  const changes = new Map<string, Change>();
  for (const [kept, copies] of copiesOf(pictures)) {
    const [best] = [kept, ...copies].sort(better);
    if (best === kept || may?.(kept) === false) continue;
    for (const copy of [kept, ...copies]) {
      const aside = copy.digest === best.digest ? 'duplicate' : 'near-duplicate';
      changes.set(copy.id, { aside: copy === best ? undefined : aside });
    }
  }
  return changes;
}

function copiesOf(pictures: readonly Picture[]): Map<Picture, Picture[]> {
  const copies = pictures.filter(({ aside }) => aside === 'duplicate' || aside === 'near-duplicate');
  const groups = new Map<Picture, Picture[]>();
  if (copies.length === 0) return groups;
  const used = new Likeness(pictures.filter(({ aside }) => aside === undefined));
  for (const copy of copies) {
    const kept = used.twin(copy)?.of;
    if (!kept) continue;
    const group = groups.get(kept);
    if (group) group.push(copy);
    else groups.set(kept, [copy]);
  }
  return groups;
}
