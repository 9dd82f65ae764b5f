import { describe, expect, it } from 'vitest';
import { InvalidSeedError, philox4x32, RandomStream, stream } from './random';

const hex = (words: Uint32Array): string[] => [...words].map((w) => w.toString(16).padStart(8, '0'));

describe('philox4x32', () => {
  // Known answers published with the paper's library (Random123, kat_vectors, philox4x32 with 10 rounds).
  it.each([
    [[0, 0, 0, 0], [0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      '408f276d 41c83b0e a20bc7c6 6d5451fd',
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    ],
  ])('gives the published answer for %j', (counter, key, expected) => {
    expect(hex(philox4x32(counter, key, new Uint32Array(4))).join(' ')).toBe(expected);
  });
});

describe('stream', () => {
  it('depends on the seed and every part of the path, and on nothing else', () => {
    const first = (...args: Parameters<typeof stream>): number[] => {
      const s = stream(...args);
      return [s.uint32(), s.uint32(), s.uint32(), s.uint32(), s.uint32()];
    };
    const paths: Parameters<typeof stream>[] = [
      [1, 'noise', 3, 0],
      [2, 'noise', 3, 0],
      [1, 'noise', 0, 3],
      [1, 'noise', 3],
      [1, 'noise3', 0],
      [1, 'noise', '3', 0],
      [1, 'no', 'ise', 3, 0],
      [1 + 2 ** 40, 'noise', 3, 0],
      [1, 'noise', 3, 2 ** 40],
      [1],
    ];
    const seen = paths.map((p) => first(...p).join());
    expect(new Set(seen).size).toBe(paths.length);
    expect(paths.map((p) => first(...p).join())).toEqual(seen);
  });

  it('keeps its numbers from version to version: a checkpoint depends on them', () => {
    const s = stream(42, 'noise', 7, 1);
    expect([s.uint32(), s.uint32(), s.uint32(), s.uint32()]).toMatchInlineSnapshot(`
      [
        4201747976,
        1423899403,
        33223869,
        3228999797,
      ]
    `);
    expect([...s.fillNormal(new Float32Array(3))]).toMatchInlineSnapshot(`
      [
        0.40382981300354004,
        0.23661714792251587,
        -0.4789321720600128,
      ]
    `);
  });

  it('splits without regard to position', () => {
    const a = stream(5, 'captions');
    const b = stream(5, 'captions');
    b.uniform();
    expect(a.split(3).uint32()).toBe(b.split(3).uint32());
    expect(a.split(3).uint32()).not.toBe(a.split(4).uint32());
  });

  it('fillNormal begins at a whole block and never uses a word twice', () => {
    const normalsAfter = (words: number): number[] => {
      const s = stream(3, 'align');
      for (let i = 0; i < words; i++) s.uint32();
      return [...s.fillNormal(new Float32Array(6))];
    };
    expect(normalsAfter(1)).toEqual(normalsAfter(4));
    expect(normalsAfter(1)).not.toEqual(normalsAfter(0));
    expect(normalsAfter(1).slice(0, 2)).toEqual(normalsAfter(0).slice(4));
  });

  it('counts past 2^32 blocks', () => {
    const at = (position: number): number => new RandomStream({ seed: 1, stream: [2, 3], position }).uint32();
    expect(at(0)).not.toBe(at(2 ** 34));
    expect(at(2 ** 34)).toBe(philox4x32([0, 1, 2, 3], [1, 0], new Uint32Array(4))[0]);
  });

  it.each([-1, 1.5, NaN, 2 ** 53])('refuses %d as a seed', (seed) => {
    expect(() => stream(seed)).toThrow(InvalidSeedError);
  });
});

describe('distributions', () => {
  it('uniform has mean 1/2 and variance 1/12', () => {
    const s = stream(1, 'uniform');
    const n = 100_000;
    let sum = 0;
    let squares = 0;
    let outside = 0;
    for (let i = 0; i < n; i++) {
      const u = s.uniform();
      if (!(u >= 0 && u < 1)) outside++;
      sum += u;
      squares += u * u;
    }
    expect(outside).toBe(0);
    expect(Math.abs(sum / n - 0.5)).toBeLessThan(0.004); // 4 sigma = .0037
    expect(Math.abs(squares / n - 1 / 3)).toBeLessThan(0.004);
  });

  it('int is flat (chi-square) and covers both ends', () => {
    const s = stream(2, 'int');
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) counts[s.int(10)]++;
    const chi2 = counts.reduce((sum, c) => sum + (c - 10_000) ** 2 / 10_000, 0);
    expect(chi2).toBeLessThan(27.9); // 9 degrees of freedom, p = .001
    expect(s.int(1)).toBe(0);
    expect(s.int(2 ** 32)).toBeLessThan(2 ** 32);
    expect(() => s.int(0)).toThrow(RangeError);
  });

  it('int has no modulo bias where the modulus would show it', () => {
    // n = 3 * 2^30: a plain remainder would land in the first third half of the time.
    const s = stream(3, 'bias');
    let low = 0;
    for (let i = 0; i < 30_000; i++) if (s.int(3 * 2 ** 30) < 2 ** 30) low++;
    expect(Math.abs(low / 30_000 - 1 / 3)).toBeLessThan(0.011);
  });

  it('fillNormal has the moments of N(0,1), neighbours uncorrelated', () => {
    const x = stream(4, 'normal').fillNormal(new Float32Array(200_001));
    const n = x.length;
    const mean = (f: (v: number, i: number) => number): number =>
      x.reduce((sum, v, i) => sum + f(v, i), 0) / n;
    expect(Math.abs(mean((v) => v))).toBeLessThan(0.009);
    expect(Math.abs(mean((v) => v * v) - 1)).toBeLessThan(0.013);
    expect(Math.abs(mean((v) => v ** 3))).toBeLessThan(0.035);
    expect(Math.abs(mean((v) => v ** 4) - 3)).toBeLessThan(0.09);
    for (const lag of [1, 2, 3, 4]) {
      expect(Math.abs(mean((v, i) => v * (i + lag < n ? x[i + lag] : 0)))).toBeLessThan(0.009);
    }
    const one = stream(4, 'one');
    const ones = Float64Array.from({ length: 50_000 }, () => one.normal());
    expect(Math.abs(ones.reduce((a, v) => a + v, 0) / ones.length)).toBeLessThan(0.018);
    expect(Math.abs(ones.reduce((a, v) => a + v * v, 0) / ones.length - 1)).toBeLessThan(0.026);
  });

  it('fillUniform stays in its range', () => {
    const x = stream(6, 'lora').fillUniform(new Float32Array(10_000), -0.25, 0.25);
    expect(Math.max(...x)).toBeLessThan(0.25);
    expect(Math.min(...x)).toBeGreaterThanOrEqual(-0.25);
    expect(Math.abs(x.reduce((a, v) => a + v, 0) / x.length)).toBeLessThan(0.006);
  });

  it('shuffle gives every order equally often and leaves its input alone', () => {
    const s = stream(7, 'shuffle');
    const input = ['a', 'b', 'c', 'd'];
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = s.shuffle(input).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const chi2 = [...counts.values()].reduce((sum, c) => sum + (c - 1000) ** 2 / 1000, 0);
    expect(chi2).toBeLessThan(49.7); // 23 degrees of freedom, p = .001
    expect(input).toEqual(['a', 'b', 'c', 'd']);
  });
});
