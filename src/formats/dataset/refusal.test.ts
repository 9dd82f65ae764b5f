/** The judgement of a picture before it is decoded, and its words. */
import { expect, test } from 'vitest';
import type { Refusal } from '../../protocol/pictures';
import { browserTypes, refusalOf, refusalOfSize, refusalOfType } from './refusal';
import { refusalWords } from './refusal_words';

test.each<[number, number, Refusal | undefined]>([
  [64, 64, undefined],
  [63, 2000, 'too-narrow'],
  [63, 900, 'too-small'],
  [16, 16, 'too-small'],
  [3000, 60, 'too-narrow'],
  [64, 1024, undefined],
  [64, 1025, 'too-narrow'],
  [12_000, 9000, 'too-large'],
  [8192, 8192, undefined],
  [8193, 8192, 'too-large'],
  [0, 5, 'not-decodable'],
])('%d x %d px: %s', (width, height, refusal) => {
  expect(refusalOfSize(width, height)).toBe(refusal);
  expect(refusalOfSize(height, width)).toBe(refusal);
});

test.each<[string, Refusal]>([
  ['image/tiff', 'tiff'],
  ['image/heic', 'heic'],
  ['image/jxl', 'jxl'],
  ['image/jp2', 'jpeg-2000'],
  ['image/svg+xml', 'svg'],
  ['image/vnd.adobe.photoshop', 'psd'],
  ['application/octet-stream', 'unknown-type'],
])('%s is refused as %s, whatever its size', (type, refusal) => {
  expect(refusalOf({ type, size: { width: 512, height: 512 } })).toBe(refusal);
  expect(refusalOf({ type })).toBe(refusal);
});

test('What the one who asks decodes is taken, and nothing else', () => {
  const size = { width: 512, height: 512 };
  for (const type of browserTypes) expect(refusalOf({ type, size })).toBeUndefined();
  expect(refusalOf({ type: 'image/tiff', size }, ['image/tiff'])).toBeUndefined();
  expect(refusalOfType('image/bmp', ['image/png'])).toBe('bmp');
  // A type without a size is a piece of a file.
  expect(refusalOf({ type: 'image/png' })).toBe('not-decodable');
});

test('Formats to convert say so in both languages, with their name', () => {
  for (const format of ['heic', 'tiff', 'jxl', 'jpeg-2000', 'svg', 'avif', 'bmp'] as const) {
    expect(refusalWords.en[format]).toMatch(/^[A-Z].*convert to PNG or JPEG/);
    expect(refusalWords.zh[format]).toMatch(/请转为 PNG 或 JPEG/);
  }
});
