/**
 * CLIP's image side: from an upright picture's pixels to the tensors its vision encoder takes. Alpha over white,
 * shorter side to `size`, centre crop, scaled and normalised, as transformers' CLIPImageProcessor; decoding and EXIF
 * turns are the caller's. Long pictures give up to three crops, whose embeddings are to be averaged.
 */
import type { Size } from '../formats/dataset/buckets';
import { BICUBIC, resample } from '../formats/dataset/resample';

/** Upright, 8-bit sRGB with alpha not multiplied in, [height, width, 4]. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** Upper left corner of a square crop, in the picture as resized. */
export interface Crop {
  readonly left: number;
  readonly top: number;
}

const mean = [0.48145466, 0.4578275, 0.40821073];
const deviation = [0.26862954, 0.26130258, 0.27577711];
/** Above this ratio of the sides a centre crop leaves out more than a third of the picture. */
const longRatio = 1.5;

/** The centre crop alone, which is what transformers makes. [1, 3, size, size] */
export function clipTensor(pixels: Pixels, size: number): Float32Array {
  return tensorsAt(pixels, size, [centreOf(resizedSize(pixels, size), size)])[0];
}

/** One tensor for each of `cropsOf`, all from one resizing. Each [1, 3, size, size] */
export function clipTensors(pixels: Pixels, size: number): Float32Array[] {
  return tensorsAt(pixels, size, cropsOf(pixels, size));
}

/**
 * Where to crop: the centre; two ends of a picture longer than 3:2; ends and centre of one longer than 2:1, for there
 * two ends would leave a gap.
 */
export function cropsOf(picture: { readonly width: number; readonly height: number }, size: number): Crop[] {
  const resized = resizedSize(picture, size);
  const centre = centreOf(resized, size);
  const ratio = Math.max(picture.width / picture.height, picture.height / picture.width);
  if (ratio <= longRatio) return [centre];
  const end = { left: resized[0] - size, top: resized[1] - size };
  return ratio <= 2 ? [{ left: 0, top: 0 }, end] : [{ left: 0, top: 0 }, centre, end];
}

/** Shorter side to `size`, the longer one in proportion, cut to a whole number as Python's int() does. */
export function resizedSize(
  { width, height }: { readonly width: number; readonly height: number },
  size: number,
): Size {
  if (![width, height, size].every((side) => Number.isInteger(side) && side > 0)) {
    throw new RangeError(`A picture of ${width} x ${height} pixels cannot be brought to ${size}.`);
  }
  const long = Math.trunc((size * Math.max(width, height)) / Math.min(width, height));
  return width <= height ? [size, long] : [long, size];
}

function centreOf([width, height]: Size, size: number): Crop {
  return { left: Math.floor((width - size) / 2), top: Math.floor((height - size) / 2) };
}

function tensorsAt({ width, height, data }: Pixels, size: number, crops: readonly Crop[]): Float32Array[] {
  const resized = resizedSize({ width, height }, size);
  if (data.length !== width * height * 4) {
    throw new RangeError(`${data.length} bytes cannot be an RGBA picture of ${width} x ${height} pixels.`);
  }
  const rgb = resample((y, row) => overWhite(data, y * width * 4, row), [width, height], resized, BICUBIC);
  return crops.map(({ left, top }) => {
    const tensor = new Float32Array(3 * size * size); // [1, 3, size, size]
    for (let channel = 0, o = 0; channel < 3; channel++) {
      for (let y = 0; y < size; y++) {
        const from = ((top + y) * resized[0] + left) * 3 + channel;
        for (let x = 0; x < size; x++) {
          tensor[o++] = (rgb[from + x * 3] / 255 - mean[channel]) / deviation[channel];
        }
      }
    }
    return tensor;
  });
}

/** Blends one row [width, 4] over white into [width, 3], rounded to the nearest 8-bit value. */
export function overWhite(data: Pixels['data'], start: number, row: Uint8Array): void {
  for (let i = start, o = 0; o < row.length; i += 4) {
    const alpha = data[i + 3];
    const white = 255 * (255 - alpha);
    for (let channel = 0; channel < 3; channel++) {
      row[o++] = Math.round((data[i + channel] * alpha + white) / 255);
    }
  }
}
