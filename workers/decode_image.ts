/** Decodes a picture for the trainer, which scales and cuts it by its own means. */
import type { Decode } from '../src/training/loop/job';
import { placeImage } from '../src/training/data/resize';
import { pixelsOf } from './pixels';

export const decodeImage: Decode = async (image) => {
  const { width, height } = await pixelsOf(image);
  return {
    size: [width, height],
    async pixels(placement) {
      return placeImage(withoutAlpha((await pixelsOf(image)).data), [width, height], placement);
    },
  };
};

function withoutAlpha(rgba: Uint8ClampedArray): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let i = 0, o = 0; i < rgba.length; i += 4, o += 3) {
    for (let c = 0; c < 3; c++) rgb[o + c] = rgba[i + c];
  }
  return rgb;
}
