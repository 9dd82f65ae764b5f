/**
 * A picture as the small JPEG that stands in a LoRA's metadata (`modelspec.thumbnail`): a data URL of 256 pixels at most on
 * its longer side, as Stability's model specification recommends.
 */
import { PageError } from '../page_error';

const SIDE = 256;
const QUALITY = 0.85;

/** `url` of a picture that this page has. Rejects with PageError where the browser gives no canvas. */
export async function thumbnailOf(url: string): Promise<string> {
  const picture = await createImageBitmap(await (await fetch(url)).blob());
  const { width, height } = thumbnailSize(picture);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (!context) throw new PageError('no-canvas', {});
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, 0, 0, width, height);
  picture.close();
  return dataUrl(await canvas.convertToBlob({ type: 'image/jpeg', quality: QUALITY }));
}

/** Of the same shape; never larger than the picture is. */
export function thumbnailSize({ width, height }: { width: number; height: number }): {
  width: number;
  height: number;
} {
  const scale = Math.min(1, SIDE / Math.max(width, height));
  const side = (length: number) => Math.max(1, Math.round(length * scale));
  return { width: side(width), height: side(height) };
}

function dataUrl(jpeg: Blob): Promise<string> {
  const reader = new FileReader();
  return new Promise((resolve, reject) => {
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error('The thumbnail could not be read.'));
    reader.readAsDataURL(jpeg);
  });
}
