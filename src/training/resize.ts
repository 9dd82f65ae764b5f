/**
 * From an image's pixels to the numbers the VAE encodes: scaled to cover its bucket, cut, mapped to [-1, 1].
 * Plain loops rather than an image library's or a canvas's resizer, so that Node and every browser give the same
 * numbers, and the numbers are those of OpenCV as kohya uses it: area averaging (INTER_AREA) when shrinking, an
 * 8-tap Lanczos (INTER_LANCZOS4, clamped edges) otherwise, results rounded to whole 8-bit values.
 */
import type { Placement, Size } from '../formats/buckets';

/**
 * @param rgb 8-bit sRGB, [height, width, 3]
 * @param size of `rgb`, upright
 * @returns [bucket height, bucket width, 3] in [-1, 1]
 */
export function placeImage(rgb: Uint8Array, size: Size, { bucket, resized, crop }: Placement): Float32Array {
  if (rgb.length !== size[0] * size[1] * 3) {
    throw new RangeError(`${rgb.length} bytes cannot be an RGB image of ${size[0]} x ${size[1]} pixels.`);
  }
  const scaled = resizeRgb(rgb, size, resized);
  const out = new Float32Array(bucket[0] * bucket[1] * 3);
  for (let y = 0; y < bucket[1]; y++) {
    const from = ((crop.y + y) * resized[0] + crop.x) * 3;
    // kohya: ToTensor, then Normalize(0.5, 0.5).
    for (let i = 0; i < bucket[0] * 3; i++) out[y * bucket[0] * 3 + i] = (scaled[from + i] / 255 - 0.5) / 0.5;
  }
  return out;
}

/** `rgb` [height, width, 3] at another size; the same array if the size is the same. */
export function resizeRgb(rgb: Uint8Array, from: Size, to: Size): Uint8Array {
  if (from[0] === to[0] && from[1] === to[1]) return rgb;
  const taps = to[0] <= from[0] && to[1] <= from[1] ? areaTaps : lanczosTaps;
  const columns = taps(from[0], to[0]);
  const rows = taps(from[1], to[1]);

  const narrow = new Float32Array(to[0] * from[1] * 3); // [from height, to width, 3]
  for (let y = 0, o = 0; y < from[1]; y++) {
    const line = y * from[0] * 3;
    for (let x = 0; x < to[0]; x++) {
      const { index, weight } = columns[x];
      let [r, g, b] = [0, 0, 0];
      for (let k = 0; k < index.length; k++) {
        const at = line + index[k] * 3;
        r += weight[k] * rgb[at];
        g += weight[k] * rgb[at + 1];
        b += weight[k] * rgb[at + 2];
      }
      narrow[o++] = r;
      narrow[o++] = g;
      narrow[o++] = b;
    }
  }

  const out = new Uint8Array(to[0] * to[1] * 3);
  const stride = to[0] * 3;
  for (let y = 0; y < to[1]; y++) {
    const { index, weight } = rows[y];
    for (let i = 0; i < stride; i++) {
      let sum = 0;
      for (let k = 0; k < index.length; k++) sum += weight[k] * narrow[index[k] * stride + i];
      out[y * stride + i] = Math.min(255, Math.max(0, Math.round(sum)));
    }
  }
  return out;
}

/** What one output pixel is made of along one axis; weights sum to 1. */
interface Taps {
  index: number[];
  weight: number[];
}

/** Each output pixel is the mean of the stretch of input it covers. */
function areaTaps(from: number, to: number): Taps[] {
  return Array.from({ length: to }, (_, o) => {
    const start = (o * from) / to;
    const end = ((o + 1) * from) / to;
    const index: number[] = [];
    const weight: number[] = [];
    for (let i = Math.floor(start); i < Math.min(from, end); i++) {
      const covered = Math.min(end, i + 1) - Math.max(start, i);
      if (covered <= 0) continue;
      index.push(i);
      weight.push(covered / (end - start));
    }
    return { index, weight };
  });
}

/** sinc(x) sinc(x / 4) at the eight nearest input pixels, normalised. */
function lanczosTaps(from: number, to: number): Taps[] {
  return Array.from({ length: to }, (_, o) => {
    const centre = ((o + 0.5) * from) / to - 0.5;
    const first = Math.floor(centre) - 3;
    const raw = Array.from({ length: 8 }, (_, k) => lanczos4(centre - (first + k)));
    const total = raw.reduce((a, b) => a + b, 0);
    return {
      index: raw.map((_, k) => Math.min(from - 1, Math.max(0, first + k))),
      weight: raw.map((w) => w / total),
    };
  });
}

function lanczos4(x: number): number {
  if (Math.abs(x) < 1e-9) return 1;
  if (Math.abs(x) >= 4) return 0;
  return (4 * Math.sin(Math.PI * x) * Math.sin((Math.PI * x) / 4)) / (Math.PI * x) ** 2;
}
