/** What is to be said of single pictures: those of the set's warnings that are about them, and what their shape means. */
import type { Placement } from '../../formats/dataset/buckets';
import type { Picture } from '../../storage/pictures';
import type { Warning } from './captions/warnings';
import { cutAway } from './crop/crop';

export type Mark =
  | Warning
  /** It loses this part of its area in the crop. */
  | { readonly kind: 'cut'; readonly part: number }
  /** Its sides are made this many times as long. */
  | { readonly kind: 'small'; readonly scale: number }
  | { readonly kind: 'unusable' };

/** A crop that takes more than this is worth a look. */
const MUCH = 0.1;
export type Marks = ReadonlyMap<string, readonly Mark[]>;

/** Of the whole set; no single picture is to blame. */
const ABOUT_THE_SET: readonly Warning['kind'][] = ['missing', 'constant', 'style-named'];

/** Pictures of which there is nothing to say are not in it. */
export function marksOf(
  pictures: readonly Picture[],
  crop: (picture: Picture) => Placement | undefined,
  warnings: readonly Warning[],
): Marks {
  const marks = new Map<string, Mark[]>();
  const add = (id: string, mark: Mark) => {
    const known = marks.get(id);
    if (known) known.push(mark);
    else marks.set(id, [mark]);
  };
  for (const picture of pictures) {
    for (const mark of shapeOf(picture, crop(picture))) add(picture.id, mark);
  }
  for (const warning of warnings) {
    if (!ABOUT_THE_SET.includes(warning.kind)) for (const id of warning.ids) add(id, warning);
  }
  return marks;
}

function shapeOf({ width, height }: Picture, placement: Placement | undefined): Mark[] {
  if (!placement) return [{ kind: 'unusable' }];
  const { part } = cutAway(placement);
  const scale = Math.max(placement.resized[0] / width, placement.resized[1] / height);
  return [
    ...(part > MUCH ? [{ kind: 'cut', part } as const] : []),
    ...(scale > 1 ? [{ kind: 'small', scale } as const] : []),
  ];
}
