/** Which pictures sd-scripts reads as we do, told from files that another program (sharp's libvips) wrote. */
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { plainExtension } from '../src/formats/handover/plain_picture';

const opaque = { create: { width: 8, height: 4, channels: 3, background: '#a02040' } } as const;
const clear = {
  create: { width: 8, height: 4, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0.5 } },
} as const;
const turned = (orientation: number) => sharp(opaque).withMetadata({ orientation });

test.each([
  ['a JPEG', sharp(opaque).jpeg(), '.jpg'],
  ['a JPEG with EXIF that is upright', turned(1).jpeg(), '.jpg'],
  ['a progressive JPEG', sharp(opaque).jpeg({ progressive: true }), '.jpg'],
  ['a PNG', sharp(opaque).png(), '.png'],
  ['a PNG with a palette', sharp(opaque).png({ palette: true }), '.png'],
  ['a WebP', sharp(opaque).webp(), '.webp'],
  ['a WebP without loss', sharp(opaque).webp({ lossless: true }), '.webp'],
  ['a WebP with EXIF that is upright', turned(1).webp(), '.webp'],
  ['a JPEG that is turned', turned(6).jpeg(), undefined],
  ['a PNG that is turned', turned(3).png(), undefined],
  ['a WebP that is turned', turned(8).webp(), undefined],
  ['a PNG with alpha', sharp(clear).png(), undefined],
  ['a PNG with a palette and transparency', sharp(clear).png({ palette: true }), undefined],
  ['a gray PNG with alpha', sharp(clear).toColourspace('b-w').png(), undefined],
  ['a PNG of 16 bits', sharp(opaque).toColourspace('rgb16').png(), undefined],
  ['a WebP with alpha', sharp(clear).webp(), undefined],
  ['a WebP with alpha and without loss', sharp(clear).webp({ lossless: true }), undefined],
  ['a GIF', sharp(opaque).gif(), undefined],
] as const)('%s', async (_, picture, extension) => {
  const bytes = new Uint8Array(await picture.toBuffer());
  expect(plainExtension(bytes)).toBe(extension);
  // Wherever it is cut, it is answered; whether it is damaged is for who decodes it.
  for (let cut = 0; cut < Math.min(bytes.length, 400); cut += 7)
    expect([extension, undefined]).toContain(plainExtension(bytes.subarray(0, cut)));
});

test('what is no picture is none', () => {
  expect(plainExtension(new TextEncoder().encode('not a picture at all, but long enough'))).toBeUndefined();
});
