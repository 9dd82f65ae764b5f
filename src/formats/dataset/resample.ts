/**
 * Resizing as Pillow does it (Image.resize), bit for bit: the kernel widened when shrinking (antialiased), weights in
 * 22-bit fixed point, a horizontal pass rounded to 8 bits, then a vertical one. CLIP was trained behind its bicubic, and
 * sd-scripts enlarges by its Lanczos; canvases and other libraries differ. Methods: Keys 1981 (a = -0.5), Lanczos (a = 3);
 * Pillow's documentation of its filters. Equal to Pillow in `fixtures/pillow.json`.
 */
import type { Size } from './buckets';

/** A kernel, and how far from its centre it reaches, in pixels. */
export interface Filter {
  readonly reach: number;
  readonly weight: (x: number) => number;
}

/** Keys' cubic with a = -0.5. */
export const BICUBIC: Filter = {
  reach: 2,
  weight(x) {
    const a = -0.5;
    const d = Math.abs(x);
    if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    if (d < 2) return (((d - 5) * d + 8) * d - 4) * a;
    return 0;
  },
};

/** sinc(x) sinc(x / 3) */
export const LANCZOS: Filter = {
  reach: 3,
  weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0),
};

/**
 * @param readRow writes row y of the source into the given array, [width, 3]; asked once a row, top to bottom, so a
 * large picture is never held twice
 * @returns [height, width, 3] of `to`
 */
export function resample(
  readRow: (y: number, row: Uint8Array) => void,
  from: Size,
  to: Size,
  filter: Filter,
): Uint8Array {
  const columns = taps(from[0], to[0], filter);
  const rows = taps(from[1], to[1], filter);
  const stride = to[0] * 3;

  const narrow = new Uint8Array(from[1] * stride); // [from height, to width, 3]
  const row = new Uint8Array(from[0] * 3);
  for (let y = 0, o = 0; y < from[1]; y++) {
    readRow(y, row);
    for (const { first, weights } of columns) {
      let [r, g, b] = [half, half, half];
      for (let k = 0, at = first * 3; k < weights.length; k++, at += 3) {
        r += weights[k] * row[at];
        g += weights[k] * row[at + 1];
        b += weights[k] * row[at + 2];
      }
      narrow[o++] = toByte(r);
      narrow[o++] = toByte(g);
      narrow[o++] = toByte(b);
    }
  }

  const out = new Uint8Array(to[1] * stride);
  rows.forEach(({ first, weights }, y) => {
    for (let i = 0; i < stride; i++) {
      let sum = half;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * narrow[(first + k) * stride + i];
      out[y * stride + i] = toByte(sum);
    }
  });
  return out;
}

/** What one output pixel is made of along one axis: whole numbers that sum to about 2^22. */
interface Taps {
  readonly first: number;
  readonly weights: Float64Array;
}

const precision = 22;
const half = 2 ** (precision - 1);

/** The sums stay below 2^31: weights' magnitudes add up to less than 2. */
function toByte(sum: number): number {
  return Math.min(255, Math.max(0, sum >> precision));
}

function taps(from: number, to: number, filter: Filter): Taps[] {
  const scale = from / to;
  const widened = Math.max(1, scale);
  const reach = filter.reach * widened;
  return Array.from({ length: to }, (_, o) => {
    const centre = (o + 0.5) * scale;
    // Taps beyond the edge are left out, not repeated; the rest is normalised.
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(from, Math.trunc(centre + reach + 0.5));
    const raw = Array.from({ length: end - first }, (_, k) =>
      filter.weight((first + k - centre + 0.5) * (1 / widened)),
    );
    const total = raw.reduce((a, b) => a + b, 0);
    return {
      first,
      weights: Float64Array.from(raw, (weight) => roundAway((weight / total) * 2 ** precision)),
    };
  });
}

/** Halves go away from zero, as in C. */
function roundAway(value: number): number {
  return Math.trunc(value + (value < 0 ? -0.5 : 0.5));
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}
