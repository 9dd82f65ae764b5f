import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Size } from './buckets';
import fixture from '../fixtures/pillow.json' with { type: 'json' };
import { BICUBIC, LANCZOS, resample } from './resample';

const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));

describe('resample', () => {
  it.each(fixture.cases)('$filter from $from to $to is Pillow, byte for byte', (one) => {
    const [rgb, expected] = [bytes(one.rgb), bytes(one.expected)];
    const [from, to]: Size[] = [
      [one.from[0], one.from[1]],
      [one.to[0], one.to[1]],
    ];
    const read = (y: number, row: Uint8Array): void =>
      row.set(rgb.subarray(y * row.length, (y + 1) * row.length));
    const out = resample(read, from, to, one.filter === 'lanczos' ? LANCZOS : BICUBIC);
    expect(out).toEqual(expected);
    expect(expected).toHaveLength(to[0] * to[1] * 3);
  });
});

/** A grey row, resized to another width. */
function row(values: readonly number[], width: number): number[] {
  const read = (_: number, out: Uint8Array): void => values.forEach((v, x) => out.fill(v, x * 3, x * 3 + 3));
  const out = resample(read, [values.length, 1], [width, 1], BICUBIC);
  return Array.from({ length: width }, (_, x) => out[x * 3]);
}

/** The kernel written out, in doubles, every input asked for every output; rounded between the passes. */
function plainly(rgb: Uint8Array, [w, h]: Size, [W, H]: Size): Uint8Array {
  const kernel = (x: number): number => {
    const d = Math.abs(x);
    return d < 1 ? 1.5 * d ** 3 - 2.5 * d ** 2 + 1 : d < 2 ? -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2 : 0;
  };
  const along = (line: readonly number[], to: number): number[] =>
    Array.from({ length: to }, (_, o) => {
      const scale = line.length / to;
      let [sum, total] = [0, 0];
      line.forEach((value, i) => {
        const weight = kernel((i + 0.5 - (o + 0.5) * scale) / Math.max(1, scale));
        sum += weight * value;
        total += weight;
      });
      return Math.min(255, Math.max(0, Math.floor(sum / total + 0.5)));
    });
  const out = new Uint8Array(W * H * 3);
  for (let c = 0; c < 3; c++) {
    const narrow = Array.from({ length: h }, (_, y) =>
      along(
        Array.from({ length: w }, (_, x) => rgb[(y * w + x) * 3 + c]),
        W,
      ),
    );
    for (let x = 0; x < W; x++) {
      const column = along(
        narrow.map((line) => line[x]),
        H,
      );
      column.forEach((value, y) => (out[(y * W + x) * 3 + c] = value));
    }
  }
  return out;
}

describe('resample, bicubic', () => {
  // 4 -> 2: the kernel is stretched by 2, so the first output (centre 1) weighs its four inputs, at distances 0.25, 0.25,
  // 0.75 and 1.25, with 0.8671875, 0.8671875, 0.2265625, -0.0703125; their sum is 1.890625.
  it.each([
    [
      // 100 * 0.45868 - 200 * 0.03719 = 38.43; -100 * 0.03719 + 200 * 0.45868 = 88.02
      [100, 0, 0, 200],
      [38, 88],
    ],
    [
      // 255 * 0.11983 = 30.56; 255 * 0.45868 = 116.96
      [0, 0, 255, 0],
      [31, 117],
    ],
    [
      // 255 * -0.03719 is below 0
      [0, 0, 0, 255],
      [0, 117],
    ],
  ])('shrinks %j to %j, as worked out by hand', (from, to) => {
    expect(row(from, 2)).toEqual(to);
  });

  // 2 -> 4: not stretched. Output 0 (centre 0.25) weighs 0.8671875 and -0.0703125, sum 0.796875; output 1 (centre 0.75)
  // 0.8671875 and 0.2265625, sum 1.09375; the others mirror them.
  it.each([
    [
      // 255 * 0.20714 = 52.82
      [0, 255],
      [0, 53, 202, 255],
    ],
    [
      // 100 * 1.08824 - 200 * 0.08824 = 91.18; 100 + 100 * 0.20714 = 120.71
      [100, 200],
      [91, 121, 179, 209],
    ],
  ])('enlarges %j to %j, as worked out by hand', (from, to) => {
    expect(row(from, 4)).toEqual(to);
  });

  const sizes: readonly (readonly [Size, Size])[] = [
    [
      [37, 23],
      [18, 11],
    ],
    [
      [9, 31],
      [14, 48],
    ],
    [
      [40, 12],
      [13, 12],
    ],
    [
      [1, 5],
      [4, 20],
    ],
    [
      [64, 64],
      [7, 7],
    ],
  ];
  it.each(sizes)('from %j to %j equals the formula in doubles', (from, to) => {
    let seed = 7;
    const rgb = new Uint8Array(from[0] * from[1] * 3).map(
      () => (seed = (seed * 1103515245 + 12345) % 2 ** 31) >> 16,
    );
    const read = (y: number, out: Uint8Array): void =>
      out.set(rgb.subarray(y * out.length, (y + 1) * out.length));
    const got = resample(read, from, to, BICUBIC);
    const expected = plainly(rgb, from, to);
    expect(new Set(expected).size).toBeGreaterThan(10);
    // Fixed point may part ways with doubles only where a value ends in .5, and by one.
    const off = got.filter((value, i) => value !== expected[i]).length;
    got.forEach((value, i) => expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(1));
    expect(off / got.length).toBeLessThanOrEqual(0.01);
  });

  it('keeps a plain colour plain, whatever the sizes', () => {
    const side = fc.integer({ min: 1, max: 40 });
    const filter = fc.constantFrom(BICUBIC, LANCZOS);
    fc.assert(
      fc.property(side, side, side, side, fc.nat(255), filter, (w, h, W, H, value, how) => {
        const out = resample((_, line) => line.fill(value), [w, h], [W, H], how);
        expect(out).toHaveLength(W * H * 3);
        expect(out.every((v) => v === value)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('changes nothing at the same size, and reads each row once, in order', () => {
    const asked: number[] = [];
    const out = resample(
      (y, line) => {
        asked.push(y);
        line.forEach((_, i) => (line[i] = (y * 50 + i * 7) % 256));
      },
      [5, 4],
      [5, 4],
      BICUBIC,
    );
    expect(asked).toEqual([0, 1, 2, 3]);
    out.forEach((v, i) => expect(v).toBe((Math.floor(i / 15) * 50 + (i % 15) * 7) % 256));
  });
});
