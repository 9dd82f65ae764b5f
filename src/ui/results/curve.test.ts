import { expect, it } from 'vitest';
import { curve } from './curve';

const point = (step: number, loss: number) => ({
  step,
  loss,
  epoch: 1,
  learningRate: 1e-4,
  gradientNorm: 1,
  seconds: step,
});
const places = (path: string) =>
  [...path.matchAll(/[ML]([\d.]+) ([\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const);

it('draws runs in one scale: the shorter ends earlier, the lower loss lies lower', () => {
  const long = Array.from({ length: 100 }, (_, i) => point(i + 1, 0.2));
  const short = Array.from({ length: 50 }, (_, i) => point(i + 1, 0.1));
  const [a, b] = curve([long, short]).map(places);
  expect(a.at(-1)?.[0]).toBe(400);
  expect(b.at(-1)?.[0]).toBe(200);
  expect(Math.min(...b.map(([, y]) => y))).toBeGreaterThan(Math.max(...a.map(([, y]) => y)));
  for (const [, y] of [...a, ...b]) expect(y >= 0 && y <= 120).toBe(true);
});

it('starts without bias, leaves out what is no number, and thins long runs', () => {
  const [path] = curve([[point(1, 0.5), point(2, NaN), point(3, 0.5)]]);
  expect(places(path).map(([, y]) => y)).toEqual([115.2, 115.2]);
  const [thin] = curve([Array.from({ length: 10_000 }, (_, i) => point(i + 1, Math.sin(i) + 2))]);
  expect(places(thin).length).toBeLessThanOrEqual(402);
  expect(curve([[], [point(1, 1)]])).toEqual(['', '']);
});
