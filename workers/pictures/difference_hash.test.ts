/** The difference hash: copies of a picture look alike, other pictures do not. */
import { expect, test } from 'vitest';
import { differenceHash } from './difference_hash';

test('Resized, noisier, blocky and lighter copies differ in at most 4 bits, others in far more', () => {
  const looks = [1, 2, 3, 4, 5, 6].map((seed) => differenceHash(scene(seed, 192, 144), 192, 144));
  for (const [i, original] of looks.entries()) {
    const copies = [
      differenceHash(scene(i + 1, 384, 288), 384, 288),
      differenceHash(scene(i + 1, 151, 113), 151, 113),
      differenceHash(
        scene(i + 1, 192, 144, (light, x, y) => light + 24 * fraction(x * 3.1 + y * 7.7) - 12),
        192,
        144,
      ),
      differenceHash(
        scene(i + 1, 192, 144, (light) => 6 * Math.round(light / 6)),
        192,
        144,
      ),
      differenceHash(
        scene(i + 1, 192, 144, (light) => 1.08 * light + 5),
        192,
        144,
      ),
    ];
    for (const copy of copies) expect(distance(copy, original)).toBeLessThanOrEqual(4);
    for (const other of looks.slice(i + 1)) expect(distance(other, original)).toBeGreaterThan(12);
  }
});

test('Bits are rows from the top, each from the left: falling brightness is a one', () => {
  const falling = pixels((x) => 255 - 20 * x);
  const rising = pixels((x) => 20 * x);
  expect(differenceHash(falling, 9, 8)).toBe('f'.repeat(16));
  expect(differenceHash(rising, 9, 8)).toBe('0'.repeat(16));
  const firstRow = pixels((x, y) => (y === 0 ? 255 - 20 * x : 7));
  expect(differenceHash(firstRow, 9, 8)).toBe('ff00000000000000');
  const lastStep = pixels((x, y) => (y === 7 && x === 8 ? 0 : 7));
  expect(differenceHash(lastStep, 9, 8)).toBe('0000000000000001');
});

test('A picture smaller than the grid has a look too', () => {
  expect(differenceHash(new Uint8ClampedArray(4 * 3 * 2).fill(9), 3, 2)).toBe('0'.repeat(16));
});

function pixels(bright: (x: number, y: number) => number): Uint8ClampedArray {
  return Uint8ClampedArray.from({ length: 9 * 8 * 4 }, (_, i) =>
    bright((i >> 2) % 9, Math.floor((i >> 2) / 9)),
  );
}

/** Soft blobs at places that follow from the seed, drawn at any size; `alter` is what a copy does to each pixel. */
function scene(
  seed: number,
  width: number,
  height: number,
  alter: (light: number, x: number, y: number) => number = (light) => light,
): Uint8ClampedArray {
  const blobs = Array.from({ length: 14 }, (_, i) => ({
    x: fraction(seed * 31 + i * 7.1),
    y: fraction(seed * 17 + i * 3.3),
    size: 0.06 + 0.2 * fraction(seed + i * 5.7),
    light: 180 * fraction(seed * 3 + i * 2.9) - 90,
  }));
  return Uint8ClampedArray.from({ length: width * height * 4 }, (_, i) => {
    const [x, y] = [(i >> 2) % width, Math.floor((i >> 2) / width)];
    const [u, v] = [(x + 0.5) / width, (y + 0.5) / height];
    const light = blobs.reduce(
      (sum, b) => sum + b.light * Math.exp(-((u - b.x) ** 2 + (v - b.y) ** 2) / b.size ** 2),
      120,
    );
    return alter(Math.min(230, Math.max(10, light)), x, y);
  });
}

function fraction(value: number): number {
  const x = Math.sin(value) * 43758.5453;
  return x - Math.floor(x);
}

function distance(a: string, b: string): number {
  return (BigInt(`0x${a}`) ^ BigInt(`0x${b}`)).toString(2).replaceAll('0', '').length;
}
