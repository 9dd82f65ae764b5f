/**
 * The sizes that SDXL is told of a picture, as sinusoids behind one another. Podell et al. 2023, section 2.2; the order
 * and the frequencies are those of diffusers' `get_timestep_embedding` with cosines first and no shift.
 */
import type { PictureSizes } from '../family';

/** Original height and width, top and left of the crop, target height and width. */
export const SIZES = 6;

/** For each size s, with h = length / 12: [cos(s w_0), ..., cos(s w_h-1), sin(s w_0), ...], w_i = 10000^(-i / h). [length]. */
export function sizeSinusoids({ original, crop, target }: PictureSizes, length: number): Float32Array {
  const half = length / (2 * SIZES);
  const angles = (size: number) => Array.from({ length: half }, (_, i) => size * 10000 ** (-i / half));
  return Float32Array.from(
    [...original, ...crop, ...target].flatMap((size) => [
      ...angles(size).map(Math.cos),
      ...angles(size).map(Math.sin),
    ]),
  );
}
