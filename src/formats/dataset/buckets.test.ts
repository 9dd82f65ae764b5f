import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BUCKET_DEFAULTS,
  type BucketConfig,
  bucketResolutions,
  cropOffset,
  InvalidBucketConfigError,
  placeInBucket,
  UnusableImageSizeError,
} from './buckets';

const sizes = (config: Partial<BucketConfig>): string[] =>
  bucketResolutions({ ...BUCKET_DEFAULTS, ...config }).map(([w, h]) => `${w}x${h}`);

describe('bucketResolutions', () => {
  it("cuts kohya's 17 buckets for 512 x 512", () => {
    expect(sizes({})).toEqual([
      '256x832',
      '256x896',
      '256x960',
      '256x1024',
      '320x704',
      '320x768',
      '384x640',
      '448x576',
      '512x512',
      '576x448',
      '640x384',
      '704x320',
      '768x320',
      '832x256',
      '896x256',
      '960x256',
      '1024x256',
    ]);
  });

  it('works for tiny models with small steps', () => {
    expect(sizes({ resolution: [64, 64], minSize: 32, maxSize: 128, step: 16 })).toEqual([
      '32x96',
      '32x112',
      '32x128',
      '48x80',
      '64x64',
      '80x48',
      '96x32',
      '112x32',
      '128x32',
    ]);
  });

  it('is the one size when buckets are off', () => {
    expect(sizes({ enabled: false, resolution: [512, 768] })).toEqual(['512x768']);
  });

  it('keeps every bucket within area, sides and step', () => {
    const side = fc.integer({ min: 4, max: 20 }).map((n) => n * 64);
    fc.assert(
      fc.property(side, side, (w, h) => {
        const config = { ...BUCKET_DEFAULTS, resolution: [w, h] as const, maxSize: 2048 };
        for (const [bw, bh] of bucketResolutions(config)) {
          expect(bw * bh).toBeLessThanOrEqual(w * h);
          expect(bw % 64 === 0 && bh % 64 === 0).toBe(true);
          expect(Math.max(bw, bh)).toBeLessThanOrEqual(2048);
        }
      }),
    );
  });

  it.each([
    [{ step: 12 }, /step 12/],
    [{ step: 0 }, /step 0/],
    [{ resolution: [500, 512] as const }, /500 x 512/],
    [{ resolution: [32, 32] as const }, /at least 64/],
    [{ minSize: 300 }, /multiples of the step/],
    [{ maxSize: 448 }, /lie within/],
    [{ minSize: 576 }, /lie within/],
  ])('refuses %j', (config, message) => {
    expect(() => sizes(config)).toThrow(InvalidBucketConfigError);
    expect(() => sizes(config)).toThrow(message);
  });
});

describe('placeInBucket', () => {
  const place = (w: number, h: number, config: Partial<BucketConfig> = {}) =>
    placeInBucket([w, h], { ...BUCKET_DEFAULTS, ...config });

  it.each([
    // Worked by hand from kohya's rules: nearest aspect ratio, cover, int(x + 0.5), crop (rest // 2).
    [1000, 1000, [512, 512], [512, 512], 0, 0],
    [512, 512, [512, 512], [512, 512], 0, 0],
    [100, 100, [512, 512], [512, 512], 0, 0],
    [1920, 1080, [640, 384], [683, 384], 21, 0],
    [1080, 1920, [384, 640], [384, 683], 0, 21],
    [3000, 2000, [640, 384], [640, 427], 0, 21],
    [4000, 100, [1024, 256], [10240, 256], 4608, 0],
    [704, 320, [704, 320], [704, 320], 0, 0],
  ])('%d x %d', (w, h, bucket, resized, x, y) => {
    const placed = place(w, h);
    expect(placed).toMatchObject({ bucket, resized, crop: { x, y } });
    expect(placed.aspectError).toBeCloseTo(bucket[0] / bucket[1] - w / h, 12);
  });

  it('takes the first of two buckets that fit equally well', () => {
    const twoAlike = [
      [64, 128],
      [192, 128],
    ] as const;
    expect(placeInBucket([100, 100], BUCKET_DEFAULTS, twoAlike).bucket).toEqual([64, 128]);
  });

  it.each([
    // Small enough: as it is, cut down to multiples of 64.
    [500, 300, [448, 256], [500, 300], 26, 22],
    [512, 512, [512, 512], [512, 512], 0, 0],
    // 1920 x 1080: full size 682.7 x 384, 640 x 320 (err .222) against 640 x 384 (err .111): by height.
    [1920, 1080, [640, 384], [683, 384], 21, 0],
    // 1000 x 900: 539.7 x 485.7; by width 512 / 448 (err .032) against by height 448 / 448 (err .111).
    [1000, 900, [512, 448], [512, 461], 0, 6],
  ])('%d x %d without upscaling', (w, h, bucket, resized, x, y) => {
    expect(place(w, h, { noUpscale: true })).toMatchObject({ bucket, resized, crop: { x, y } });
  });

  it('ignores the size limits without upscaling', () => {
    const c = { noUpscale: true, minSize: 999, maxSize: 1 };
    expect(place(1500, 100, c).bucket).toEqual([1472, 64]);
  });

  it('names an image that fills no bucket', () => {
    expect(() => place(300, 40, { noUpscale: true })).toThrow(UnusableImageSizeError);
    expect(() => place(300, 40, { noUpscale: true })).toThrow(/300 x 40.*multiples of 64.*allow upscaling/);
    expect(() => place(100_000, 20, { noUpscale: true })).toThrow(UnusableImageSizeError);
    expect(() => place(0, 40)).toThrow(UnusableImageSizeError);
  });

  it('always covers its bucket and crops inside, whatever the image', () => {
    const side = fc.integer({ min: 1, max: 6000 });
    const list = bucketResolutions(BUCKET_DEFAULTS);
    fc.assert(
      fc.property(side, side, fc.boolean(), (w, h, noUpscale) => {
        const config = { ...BUCKET_DEFAULTS, noUpscale };
        let p;
        try {
          p = placeInBucket([w, h], config, list);
        } catch (error) {
          expect(noUpscale && error instanceof UnusableImageSizeError).toBe(true);
          return;
        }
        for (const axis of [0, 1] as const) {
          const offset = axis === 0 ? p.crop.x : p.crop.y;
          expect(offset).toBeGreaterThanOrEqual(0);
          expect(offset + p.bucket[axis]).toBeLessThanOrEqual(p.resized[axis]);
          expect(p.bucket[axis] % 64).toBe(0);
          if (noUpscale) expect(p.resized[axis]).toBeLessThanOrEqual([w, h][axis]);
        }
        if (noUpscale) expect(p.bucket[0] * p.bucket[1]).toBeLessThanOrEqual(512 * 512);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('cropOffset', () => {
  it("is kohya's rest // 2 in the middle", () => {
    for (let rest = 0; rest < 2000; rest++)
      expect(cropOffset(512 + rest, 512, 0.5)).toBe(Math.floor(rest / 2));
  });

  it('reaches both ends, never leaves them, and never runs backwards', () => {
    const focus = fc.double({ min: -1, max: 2, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 64, max: 1024 }), fc.nat(4000), focus, focus, (bucket, rest, a, b) => {
        expect(cropOffset(bucket + rest, bucket, 0)).toBe(0);
        expect(cropOffset(bucket + rest, bucket, 1)).toBe(rest);
        const [first, second] = [Math.min(a, b), Math.max(a, b)].map((f) =>
          cropOffset(bucket + rest, bucket, f),
        );
        expect(first).toBeGreaterThanOrEqual(0);
        expect(first).toBeLessThanOrEqual(second);
        expect(second).toBeLessThanOrEqual(rest);
      }),
    );
  });

  it('moves the crop of a picture that was dragged', () => {
    const left = placeInBucket([1920, 1080], BUCKET_DEFAULTS, undefined, [0, 1]);
    expect(left.crop).toEqual({ x: 0, y: 0 });
    const right = placeInBucket([1920, 1080], BUCKET_DEFAULTS, undefined, [1, 0]);
    expect(right.crop).toEqual({ x: 683 - 640, y: 0 });
    const shrunk = placeInBucket([500, 300], { ...BUCKET_DEFAULTS, noUpscale: true }, undefined, [1, 0.25]);
    expect(shrunk.crop).toEqual({ x: 52, y: 11 });
  });
});
