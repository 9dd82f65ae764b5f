/** Decodes a picture in a worker: upright, sRGB, 8 bits, alpha over white. Rejects with a sentence that names it. */
import type { EngineFacts } from '../src/protocol/engine_errors';

/** RGBA, opaque. [height, width, 4] */
export async function pixelsOf({ name, file }: { name: string; file: Blob }): Promise<ImageData> {
  const bitmap = await createImageBitmap(file, {
    imageOrientation: 'from-image',
    colorSpaceConversion: 'default',
  }).catch(() => {
    throw new DecodeError(name);
  });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { colorSpace: 'srgb' });
  if (!context) throw new Error(`${name}: this browser gave no canvas to decode it with.`);
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

class DecodeError extends Error {
  override readonly name = 'DecodeError';
  readonly code = 'decode';
  readonly facts: EngineFacts['DecodeError']['decode'];
  constructor(picture: string) {
    super(`${picture} cannot be decoded. Remove it, or save it again as PNG or JPEG.`);
    this.facts = { picture };
  }
}
