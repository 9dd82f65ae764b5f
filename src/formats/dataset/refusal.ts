/**
 * Whether a picture can be trained on, by its type and size, before anything decodes it: one judgement for the page and
 * the command line. Its words are `refusal_words`.
 */
import type { Refusal } from '../../protocol/pictures';
import type { Header } from './header';

/** What a picture may be. */
export const pictureLimits = {
  /** Shorter side, pixels: below it there is nothing to learn from. */
  minSide: 64,
  /** Decoded, it takes four bytes a pixel. */
  maxPixels: 64 * 2 ** 20,
  /** Longer side over shorter. */
  maxAspect: 16,
  maxBytes: 512 * 2 ** 20,
} as const;

/** What every browser with WebGPU decodes. */
export const browserTypes: readonly string[] = [
  'image/png',
  'image/jpeg',
  'image/webp',
  'image/gif',
  'image/bmp',
  'image/avif',
];

/** `types`: what the one who asks can decode. */
export function refusalOf({ type, size }: Header, types = browserTypes): Refusal | undefined {
  return refusalOfType(type, types) ?? (size ? refusalOfSize(size.width, size.height) : 'not-decodable');
}

export function refusalOfType(type: string, types = browserTypes): Refusal | undefined {
  return types.includes(type) ? undefined : (FORMATS[type] ?? 'unknown-type');
}

/** In pixels; which side is which does not matter. */
export function refusalOfSize(width: number, height: number): Refusal | undefined {
  const { minSide, maxPixels, maxAspect } = pictureLimits;
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  if (short === 0) return 'not-decodable';
  if (long > short * maxAspect) return 'too-narrow';
  if (short * long > maxPixels) return 'too-large';
  return short < minSide ? 'too-small' : undefined;
}

/** Pictures that are to be converted. */
const FORMATS: Readonly<Record<string, Refusal>> = {
  'image/heic': 'heic',
  'image/tiff': 'tiff',
  'image/jxl': 'jxl',
  'image/jp2': 'jpeg-2000',
  'image/svg+xml': 'svg',
  'image/vnd.adobe.photoshop': 'psd',
  'image/avif': 'avif',
  'image/bmp': 'bmp',
  // Of a piece of a picture.
  ...Object.fromEntries(
    ['png', 'jpeg', 'webp', 'gif'].map((type) => [`image/${type}`, 'not-decodable' as const]),
  ),
};
