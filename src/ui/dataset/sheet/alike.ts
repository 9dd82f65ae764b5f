/** The order of pictures by likeness. Pure. */
import type { Picture } from '../../../storage/pictures';

export function placesOf(ids: readonly string[]): ReadonlyMap<string, number> {
  return new Map(ids.map((id, place) => [id, place]));
}

/** Those that have a place, in the order of their places. */
export function inPlaces(pictures: readonly Picture[], places: ReadonlyMap<string, number>): Picture[] {
  const place = ({ id }: Picture) => places.get(id) ?? Infinity;
  return pictures.filter(({ id }) => places.has(id)).sort((a, b) => place(a) - place(b));
}
