/** Which picture in use a near-duplicate is nearest to: by the bits in which their looks differ. */
import type { Picture } from '../../../storage/pictures';

/** Undefined if its original is gone. */
export function keptFor(aside: Picture, pictures: readonly Picture[]): Picture | undefined {
  return nearest(
    aside,
    pictures.filter((picture) => picture.aside === undefined),
  );
}

function nearest({ look }: Picture, used: readonly Picture[]): Picture | undefined {
  let best: Picture | undefined;
  let least = 65;
  for (const picture of used) {
    const bits = differingBits(look, picture.look);
    if (bits < least) [best, least] = [picture, bits];
  }
  // Further away, it is another picture altogether.
  return least <= 16 ? best : undefined;
}

export function differingBits(a: string, b: string): number {
  if (a.length !== b.length) return 65;
  let count = 0;
  for (let at = 0; at < a.length; at++) {
    for (let rest = parseInt(a[at] ?? '0', 16) ^ parseInt(b[at] ?? '0', 16); rest > 0; rest >>= 1)
      count += rest & 1;
  }
  return count;
}
