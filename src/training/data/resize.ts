/**
 * From an image's pixels to the numbers the VAE encodes: scaled to cover its bucket, cut, mapped to [-1, 1].
 * Plain loops rather than an image library's or a canvas's resizer, so that Node and every browser give the same
 * numbers, and the numbers are those of sd-scripts since its v0.9.0 (library/utils.py, resize_image): OpenCV's area
 * averaging (INTER_AREA) where neither side grows, Pillow's Lanczos otherwise, results whole 8-bit values.
 */
import type { Placement, Size } from '../../formats/dataset/buckets';
import { LANCZOS, resample } from '../../formats/dataset/resample';

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
  if (to[0] <= from[0] && to[1] <= from[1]) return averaged(rgb, from, to);
  const stride = from[0] * 3;
  return resample((y, row) => row.set(rgb.subarray(y * stride, (y + 1) * stride)), from, to, LANCZOS);
}

/**
 * OpenCV's INTER_AREA to the bit, which is why the sums are 32-bit floats in its order: each output pixel is the mean of
 * the stretch of input it covers.
 */
function averaged(rgb: Uint8Array, from: Size, to: Size): Uint8Array {
  const whole = from[0] % to[0] === 0 && from[1] % to[1] === 0;
  if (whole) return blockMeans(rgb, from, to);
  const columns = areaTaps(from[0], to[0]);
  const rows = areaTaps(from[1], to[1]);
  const stride = to[0] * 3;
  const out = new Uint8Array(to[1] * stride);
  const line = new Float32Array(stride);
  const sums = new Float32Array(stride);
  rows.forEach((row, y) => {
    row.weight.forEach((beta, k) => {
      narrowed(rgb, (row.first + k) * from[0] * 3, columns, line);
      for (let i = 0; i < stride; i++) {
        const part = Math.fround(beta * line[i]);
        sums[i] = k === 0 ? part : sums[i] + part;
      }
    });
    for (let i = 0; i < stride; i++) out[y * stride + i] = halfToEven(sums[i]);
  });
  return out;
}

/** One row [from width, 3], which begins at `start`, into `line`, [to width, 3]. */
function narrowed(rgb: Uint8Array, start: number, columns: readonly Taps[], line: Float32Array): void {
  let o = 0;
  for (const { first, weight } of columns) {
    let [r, g, b] = [0, 0, 0];
    for (let k = 0, at = start + first * 3; k < weight.length; k++, at += 3) {
      r = Math.fround(r + Math.fround(weight[k] * rgb[at]));
      g = Math.fround(g + Math.fround(weight[k] * rgb[at + 1]));
      b = Math.fround(b + Math.fround(weight[k] * rgb[at + 2]));
    }
    line[o++] = r;
    line[o++] = g;
    line[o++] = b;
  }
}

/** Where both sides divide: sums of whole numbers. OpenCV rounds halves up for blocks of 2 x 2, else to even. */
function blockMeans(rgb: Uint8Array, from: Size, to: Size): Uint8Array {
  const [across, down] = [from[0] / to[0], from[1] / to[1]];
  const share = Math.fround(1 / (across * down));
  const out = new Uint8Array(to[0] * to[1] * 3);
  for (let y = 0, o = 0; y < to[1]; y++) {
    for (let x = 0; x < to[0]; x++) {
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let v = 0, at = (y * down * from[0] + x * across) * 3 + c; v < down; v++, at += from[0] * 3) {
          for (let u = 0; u < across; u++) sum += rgb[at + u * 3];
        }
        out[o++] = across === 2 && down === 2 ? (sum + 2) >> 2 : halfToEven(Math.fround(sum * share));
      }
    }
  }
  return out;
}

/** What one output pixel is made of along one axis; weights sum to 1. */
interface Taps {
  first: number;
  weight: Float32Array;
}

function areaTaps(from: number, to: number): Taps[] {
  const scale = from / to;
  return Array.from({ length: to }, (_, o) => {
    const start = o * scale;
    const end = start + scale;
    const width = Math.min(scale, from - start);
    const last = Math.min(Math.floor(end), from - 1);
    const next = Math.min(Math.ceil(start), last);
    const weight: number[] = [];
    // Slivers under a thousandth of a pixel are left out, as there.
    const before = next - start > 1e-3;
    if (before) weight.push((next - start) / width);
    for (let i = next; i < last; i++) weight.push(1 / width);
    if (end - last > 1e-3) weight.push(Math.min(end - last, 1, width) / width);
    return { first: before ? next - 1 : next, weight: Float32Array.from(weight) };
  });
}

function halfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  const whole = rest === 0.5 ? below + (below % 2) : Math.floor(value + 0.5);
  return Math.min(255, whole);
}
