/**
 * Changes of pictures as plain data: the fields of each picture before and after. Pure; what to do with them is
 * `history` and `dataset`.
 */
import type { Picture } from '../../storage/pictures';

/** Fields that a person changes. `aside: undefined` brings a picture back. */
export type Change = Partial<Pick<Picture, 'caption' | 'focus' | 'repeats' | 'aside'>>;
/** By picture. */
export type Changes = ReadonlyMap<string, Change>;

export interface Step {
  readonly before: Changes;
  readonly after: Changes;
}

export function indexed(pictures: readonly Picture[]): ReadonlyMap<string, Picture> {
  return new Map(pictures.map((picture) => [picture.id, picture]));
}

/** Only what really differs; undefined if nothing does. */
export function stepFor(
  pictures: Iterable<Picture>,
  how: Change | ((picture: Picture) => Change | undefined),
): Step | undefined {
  const before = new Map<string, Change>();
  const after = new Map<string, Change>();
  for (const picture of pictures) {
    const change = (typeof how === 'function' ? how(picture) : how) ?? {};
    const keys = (Object.keys(change) as (keyof Change)[]).filter((key) => !same(picture[key], change[key]));
    if (keys.length === 0) continue;
    before.set(picture.id, picked(picture, keys));
    after.set(picture.id, picked(change, keys));
  }
  return after.size > 0 ? { before, after } : undefined;
}

/** Two steps as one. */
export function joined(first: Step, second: Step): Step {
  return { before: merged(second.before, first.before), after: merged(first.after, second.after) };
}

/** The pictures with their changes, and which they were. */
export function applied(
  pictures: readonly Picture[],
  changes: Changes,
): { pictures: Picture[]; changed: Picture[] } {
  const changed: Picture[] = [];
  const next = pictures.map((picture) => {
    const fields = changes.get(picture.id);
    if (!fields) return picture;
    const version = { ...picture, ...fields };
    changed.push(version);
    return version;
  });
  return { pictures: next, changed };
}

export function without(pictures: readonly Picture[], ids: readonly string[]): Picture[] {
  const gone = new Set(ids);
  return pictures.filter(({ id }) => !gone.has(id));
}

/** Fields of `over` win. */
function merged(under: Changes, over: Changes): Changes {
  const both = new Map(under);
  for (const [id, fields] of over) both.set(id, { ...both.get(id), ...fields });
  return both;
}

function same(a: Change[keyof Change], b: Change[keyof Change]): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a[0] === b[0] && a[1] === b[1];
  return a === b;
}

function picked(from: Change, keys: readonly (keyof Change)[]): Change {
  return Object.fromEntries(keys.map((key) => [key, from[key]]));
}
