/** Where the modules of a LoRA lie: in the order of their parts, each whole, in pieces that an adapter can bind. */
import { expect, test } from 'vitest';
import { placeModules, type LoraShape } from './lora';

const shape = (part: LoraShape['part'], name: string, rank: number, inn: number, out: number): LoraShape => ({
  ...{ part, name, path: name, in: inn, out, conv: false, rank, alpha: rank },
});

test('with room for all it is one piece, the text encoders’ first', () => {
  const { modules, pieces } = placeModules(
    [shape('unet', 'a', 3, 10, 70), shape('text2', 'b', 1, 8, 8), shape('text1', 'c', 2, 64, 65)],
    1e9,
  );
  expect(modules.map(({ name, down, up, end, piece }) => [name, down, up, end, piece])).toEqual([
    ['c', 0, 128, 320, 0],
    ['b', 320, 384, 448, 0],
    ['a', 448, 512, 768, 0],
  ]);
  expect(pieces).toEqual([{ from: 0, to: 768 }]);
});

test('a piece ends between modules; one that is too large for any has one for itself', () => {
  const sizes = [64, 128, 640, 64, 64, 64];
  const { modules, pieces } = placeModules(
    sizes.map((size, i) => shape('unet', String(i), 1, size, 64)),
    256,
  );
  expect(modules.map(({ piece }) => piece)).toEqual([0, 1, 2, 3, 3, 4]);
  expect(pieces).toEqual([
    { from: 0, to: 128 },
    { from: 128, to: 320 },
    { from: 320, to: 1024 },
    { from: 1024, to: 1280 },
    { from: 1280, to: 1408 },
  ]);
});

test('rank 128 for all of SDXL’s 986 modules binds at WebGPU’s least limit, 128 MiB', () => {
  const linear = (count: number, inn: number, out: number, part: LoraShape['part'] = 'unet') =>
    Array.from({ length: count }, (_, i) => shape(part, `${part} ${inn} ${out} ${i}`, 128, inn, out));
  const transformer = (depth: number, width: number) => [
    ...linear(6 * depth, width, width),
    ...linear(2 * depth, 2048, width),
    ...linear(depth, width, 8 * width),
    ...linear(depth, 4 * width, width),
  ];
  const encoder = (layers: number, width: number, part: 'text1' | 'text2') => [
    ...linear(4 * layers, width, width, part),
    ...linear(layers, width, 4 * width, part),
    ...linear(layers, 4 * width, width, part),
  ];
  const shapes = [
    ...[
      ...transformer(10, 640),
      ...linear(10, 640, 640),
      ...transformer(60, 1280),
      ...linear(12, 1280, 1280),
    ],
    ...[...encoder(12, 768, 'text1'), ...encoder(32, 1280, 'text2')],
  ];
  expect(shapes).toHaveLength(986);
  const limit = 2 ** 25;
  const { modules, pieces } = placeModules(shapes, limit);
  expect(Math.max(...pieces.map(({ from, to }) => to - from))).toBeLessThanOrEqual(limit);
  // 340 million in the U-Net, some 115 in the encoders: no piece is left half empty.
  expect(pieces.at(-1)?.to).toBeGreaterThan(4.4e8);
  expect(pieces.length).toBeLessThanOrEqual(15);
  for (const { down, end, piece } of modules) {
    expect(down).toBeGreaterThanOrEqual(pieces[piece]?.from ?? NaN);
    expect(end).toBeLessThanOrEqual(pieces[piece]?.to ?? NaN);
  }
});
