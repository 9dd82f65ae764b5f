/**
 * What a WD14 tagger takes: the picture on a white square, brought to its side, blue before green before red, 0 to 255,
 * channels last, as its authors' own code does it. [1, side, side, 3]
 */
import { overWhite, type Pixels } from './preprocess';
import { BICUBIC, resample } from '../formats/dataset/resample';

export function taggerTensor({ width, height, data }: Pixels, side: number): Float32Array {
  const square = Math.max(width, height);
  const [left, top] = [Math.floor((square - width) / 2), Math.floor((square - height) / 2)];
  const row = new Uint8Array(width * 3);
  const rgb = resample(
    (y, wide) => {
      wide.fill(255);
      if (y < top || y >= top + height) return;
      overWhite(data, (y - top) * width * 4, row);
      wide.set(row, left * 3);
    },
    [square, square],
    [side, side],
    BICUBIC,
  );
  const tensor = new Float32Array(rgb.length);
  for (let i = 0; i < rgb.length; i += 3) {
    tensor[i] = rgb[i + 2];
    tensor[i + 1] = rgb[i + 1];
    tensor[i + 2] = rgb[i];
  }
  return tensor;
}
