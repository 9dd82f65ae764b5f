import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clipTensor, clipTensors, cropsOf, resizedSize, type Pixels } from './preprocess';

const mean = [0.48145466, 0.4578275, 0.40821073];
const std = [0.26862954, 0.26130258, 0.27577711];

/** A picture whose pixel at x, y is what `at` says. */
function painted(width: number, height: number, at: (x: number, y: number) => readonly number[]): Pixels {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) data.set(at(i % width, Math.floor(i / width)), i * 4);
  return { width, height, data };
}

/** A tensor's grey levels again, of one channel; `+ 0` makes 0 of -0. */
function levels(tensor: Float32Array, size: number, channel: number): number[] {
  const plane = tensor.subarray(channel * size * size, (channel + 1) * size * size);
  return Array.from(plane, (v) => Math.round((v * std[channel] + mean[channel]) * 255) + 0);
}

describe('clipTensor', () => {
  it('normalises channel by channel, channels first', () => {
    const tensor = clipTensor(
      painted(8, 8, () => [255, 0, 51, 255]),
      4,
    );
    expect(tensor).toHaveLength(3 * 4 * 4);
    // (1 - 0.48145466) / 0.26862954 = 1.93034; (0 - 0.4578275) / 0.26130258 = -1.75210; (0.2 - 0.40821073) / 0.27577711 = -0.75500
    [1.93034, -1.7521, -0.755].forEach((value, c) => {
      for (let i = 0; i < 16; i++) expect(tensor[c * 16 + i]).toBeCloseTo(value, 4);
    });
  });

  it('lays alpha over white', () => {
    const shades = [
      [0, 0, 0, 0],
      [0, 0, 0, 128],
      [200, 100, 50, 51],
      [10, 20, 30, 255],
    ];
    // Size 2, so nothing is resized. (0 * 128 + 255 * 127) / 255 = 127; (200 * 51 + 255 * 204) / 255 = 244; ...
    const tensor = clipTensor(
      painted(2, 2, (x, y) => shades[y * 2 + x]),
      2,
    );
    expect(levels(tensor, 2, 0)).toEqual([255, 127, 244, 10]);
    expect(levels(tensor, 2, 1)).toEqual([255, 127, 224, 20]);
    expect(levels(tensor, 2, 2)).toEqual([255, 127, 214, 30]);
  });

  it('cuts the middle, the smaller half before it', () => {
    const wide = painted(5, 2, (x, y) => [x * 10, y * 100, 0, 255]);
    // (5 - 2) / 2, floored: columns 1 and 2.
    expect(levels(clipTensor(wide, 2), 2, 0)).toEqual([10, 20, 10, 20]);
    expect(levels(clipTensor(wide, 2), 2, 1)).toEqual([0, 0, 100, 100]);
    const tall = painted(2, 6, (_, y) => [y * 10, 0, 0, 255]);
    expect(levels(clipTensor(tall, 2), 2, 0)).toEqual([20, 20, 30, 30]);
  });

  it('refuses bytes that are not that picture, and sides that are none', () => {
    expect(() => clipTensor({ width: 3, height: 2, data: new Uint8Array(18) }, 2)).toThrow(/18 bytes.*3 x 2/);
    expect(() => resizedSize({ width: 0, height: 2 }, 2)).toThrow(RangeError);
    expect(() => resizedSize({ width: 2.5, height: 2 }, 2)).toThrow(RangeError);
  });
});

describe('resizedSize', () => {
  it.each([
    [300, 200, [336, 224]],
    [200, 300, [224, 336]],
    [224, 224, [224, 224]],
    [1000, 667, [335, 224]], // 335.83, cut
    [100, 3, [7466, 224]], // 7466.67, cut
  ])('%i x %i at 224 is %j', (width, height, expected) => {
    expect(resizedSize({ width, height }, 224)).toEqual(expected);
  });
});

describe('cropsOf', () => {
  it('takes the centre up to 3:2, two ends up to 2:1, three beyond, both ways', () => {
    expect(cropsOf({ width: 300, height: 200 }, 100)).toEqual([{ left: 25, top: 0 }]);
    expect(cropsOf({ width: 160, height: 100 }, 100)).toEqual([
      { left: 0, top: 0 },
      { left: 60, top: 0 },
    ]);
    expect(cropsOf({ width: 100, height: 301 }, 100)).toEqual([
      { left: 0, top: 0 },
      { left: 0, top: 100 },
      { left: 0, top: 201 },
    ]);
  });

  it('keeps crops inside, and those of a picture up to 3:1 leave no gap', () => {
    const side = fc.integer({ min: 1, max: 4000 });
    fc.assert(
      fc.property(side, side, (width, height) => {
        const size = 32;
        const [w, h] = resizedSize({ width, height }, size);
        const crops = cropsOf({ width, height }, size);
        for (const { left, top } of crops) {
          expect(Number.isInteger(left) && Number.isInteger(top)).toBe(true);
          expect(left >= 0 && top >= 0 && left + size <= w && top + size <= h).toBe(true);
        }
        const ratio = Math.max(w, h) / size;
        expect(crops.length).toBeLessThanOrEqual(3);
        if (crops.length > 1 && ratio <= 3) {
          const starts = crops.map(({ left, top }) => left + top);
          starts.slice(1).forEach((start, i) => expect(start - starts[i]).toBeLessThanOrEqual(size));
          expect(starts[starts.length - 1] + size).toBe(Math.max(w, h));
        }
      }),
    );
  });

  it('is what clipTensors cuts', () => {
    const wide = painted(9, 2, (x) => [x * 10, 0, 0, 255]);
    const found = clipTensors(wide, 2).map((tensor) => levels(tensor, 2, 0).slice(0, 2));
    expect(found).toEqual([
      [0, 10],
      [30, 40],
      [70, 80],
    ]);
    const square = painted(3, 3, (x, y) => [x * 30, y * 20, 9, 255]);
    expect(clipTensors(square, 2)).toEqual([clipTensor(square, 2)]);
  });
});
