import { describe, expect, it } from 'vitest';
import fixture from '../fixtures/resize.json' with { type: 'json' };
import { BUCKET_DEFAULTS, placeInBucket, type Size } from '../../formats/dataset/buckets';
import { placeImage, resizeRgb } from './resize';

const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));

describe('resizeRgb', () => {
  it.each(fixture.cases)(
    '$from to $to is what sd-scripts makes of it, byte for byte',
    ({ from, to, rgb, expected }) => {
      const out = resizeRgb(bytes(rgb), [from[0], from[1]], [to[0], to[1]]);
      expect(out).toEqual(bytes(expected));
    },
  );

  it('averages exactly when a side divides', () => {
    const rgb = Uint8Array.of(0, 10, 20, 100, 30, 40, 50, 60, 70, 250, 90, 255);
    expect([...resizeRgb(rgb, [2, 2], [1, 1])]).toEqual([100, 48, 96]);
  });

  it('keeps a plain colour plain, up and down', () => {
    const rgb = new Uint8Array(30 * 20 * 3).map((_, i) => [3, 128, 255][i % 3]);
    for (const to of [
      [17, 11],
      [61, 43],
      [30, 21],
    ] as Size[]) {
      resizeRgb(rgb, [30, 20], to).forEach((v, i) => expect(v).toBe([3, 128, 255][i % 3]));
    }
  });
});

describe('placeImage', () => {
  it('cuts the middle and maps 0 to -1, 255 to 1', () => {
    // A 66 x 64 image in a 64 x 64 bucket: column x is grey x.
    const rgb = new Uint8Array(66 * 64 * 3).map((_, i) => Math.floor(i / 3) % 66);
    const placement = placeInBucket([66, 64], { ...BUCKET_DEFAULTS, resolution: [64, 64], enabled: false });
    const out = placeImage(rgb, [66, 64], placement);
    expect(out).toHaveLength(64 * 64 * 3);
    for (let i = 0; i < out.length; i++) {
      const grey = (Math.floor(i / 3) % 64) + 1;
      expect(out[i]).toBeCloseTo(grey / 127.5 - 1, 6);
    }
    const white = placeImage(new Uint8Array(66 * 64 * 3).fill(255), [66, 64], placement);
    expect(Math.min(...white)).toBe(1);
  });

  it('refuses bytes that are not that image', () => {
    const placement = placeInBucket([512, 512], BUCKET_DEFAULTS);
    expect(() => placeImage(new Uint8Array(10), [512, 512], placement)).toThrow(/10 bytes.*512 x 512/);
  });
});
