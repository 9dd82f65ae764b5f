import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cpuMilliseconds } from '../../../cpu_time.testing';
import { frameRatio, framesWithin, justified, strip, verticalNeighbour } from './layout';

const options = { width: 800, rowHeight: 140, gap: 3, below: 32 };
const ratios = fc.array(
  fc
    .tuple(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 5000 }))
    .map(([width, height]) => frameRatio({ width, height })),
  { maxLength: 120 },
);
const widths = fc.integer({ min: 200, max: 3000 });

describe('justified rows', () => {
  it('hold every picture in order, fill the width, and keep ratios', () => {
    fc.assert(
      fc.property(ratios, widths, (list, width) => {
        const { frames } = justified(list, { ...options, width });
        expect(frames.map(({ index }) => index)).toEqual(list.map((_, index) => index));
        const last = frames.at(-1)?.y;
        for (const y of new Set(frames.map((frame) => frame.y))) {
          const row = frames.filter((frame) => frame.y === y);
          const end = row.at(-1);
          if (!end) throw new Error('A row has no frame.');
          const filled = end.x + end.width;
          if (y === last) expect(filled).toBeLessThanOrEqual(width + 1e-6);
          else expect(filled).toBeCloseTo(width, 6);
          for (const frame of row) {
            expect(frame.width / frame.height).toBeCloseTo(list[frame.index] ?? 0, 6);
            expect(frame.width).toBeGreaterThan(0);
          }
        }
      }),
    );
  });

  it('stay near the height wished for', () => {
    const { frames } = justified(Array(200).fill(1.4), options);
    for (const { height } of frames) expect(Math.abs(height - 140)).toBeLessThan(25);
  });

  it('do not stretch a last row of few', () => {
    expect(justified([1], options).frames).toEqual([{ index: 0, x: 0, y: 0, width: 140, height: 140 }]);
    expect(justified([], options)).toMatchObject({ frames: [], height: 0 });
  });

  it('lay out ten thousand in a blink', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => 0.5 + ((i * 7919) % 100) / 50);
    const start = cpuMilliseconds();
    const layout = justified(many, options);
    expect(cpuMilliseconds() - start).toBeLessThan(250);
    expect(layout.frames).toHaveLength(10_000);
    expect(framesWithin(layout, 100_000, 101_000).length).toBeLessThan(80);
  });
});

it('a strip is one row', () => {
  const { frames, width, height } = strip([1, 2], options);
  expect(frames.map(({ x }) => x)).toEqual([0, 143]);
  expect([width, height]).toEqual([423, 172]);
});

it('finds exactly the frames that touch a stretch', () => {
  const at = fc.integer({ min: -100, max: 4000 });
  fc.assert(
    fc.property(ratios, at, fc.nat(900), fc.boolean(), (list, start, length, rows) => {
      const layout = rows ? justified(list, options) : strip(list, options);
      const expected = layout.frames.filter(({ x, y, width, height }) =>
        rows ? y + height >= start && y <= start + length : x + width >= start && x <= start + length,
      );
      expect(framesWithin(layout, start, start + length)).toEqual(expected);
    }),
  );
});

it('goes up and down to the nearest', () => {
  // Five squares of 157.6 px a row.
  const layout = justified(Array(13).fill(1), options);
  const perRow = layout.frames.filter(({ y }) => y === 0).length;
  expect(verticalNeighbour(layout, 1, 1)).toBe(1 + perRow);
  expect(verticalNeighbour(layout, 1 + perRow, -1)).toBe(1);
  expect(verticalNeighbour(layout, 1, -1)).toBe(1);
  expect(verticalNeighbour(layout, 12, 1)).toBe(12);
  expect(verticalNeighbour(layout, perRow * 2 - 1, 1)).toBe(12);
  expect(verticalNeighbour(strip([1, 1], options), 0, 1)).toBe(0);
});

it('keeps threads and panoramas visible', () => {
  expect(frameRatio({ width: 10, height: 1000 })).toBe(0.4);
  expect(frameRatio({ width: 1000, height: 10 })).toBe(4);
  expect(frameRatio({ width: 300, height: 200 })).toBe(1.5);
});
