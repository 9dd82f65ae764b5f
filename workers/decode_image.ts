/** Decodes a picture in a worker: upright, alpha over white, sRGB. Scaling and cutting are the trainer's own. */
import type { JobImage } from '../src/protocol/trainer';
import type { Decode } from '../src/training/job';
import { placeImage } from '../src/training/resize';

export const decodeImage: Decode = async (image) => {
  const { width, height } = await pixelsOf(image);
  return {
    size: [width, height],
    async pixels(placement) {
      const { rgb } = await pixelsOf(image);
      return placeImage(rgb, [width, height], placement);
    },
  };
};

async function pixelsOf({
  name,
  file,
}: JobImage): Promise<{ rgb: Uint8Array; width: number; height: number }> {
  const bitmap = await createImageBitmap(file, {
    imageOrientation: 'from-image',
    colorSpaceConversion: 'default',
  }).catch(() => {
    throw new Error(`${name} cannot be decoded. Remove it, or save it again as PNG or JPEG.`);
  });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { colorSpace: 'srgb' });
  if (!context) throw new Error(`${name}: this browser gave no canvas to decode it with.`);
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const rgba = context.getImageData(0, 0, width, height).data;
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0, o = 0; i < rgba.length; i += 4, o += 3) {
    for (let c = 0; c < 3; c++) rgb[o + c] = rgba[i + c] as number;
  }
  return { rgb, width, height };
}
