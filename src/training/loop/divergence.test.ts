/**
 * On curves that were recorded: the demo model on its woodcuts, one picture a step, at a rate that teaches it and at 1
 * (fixtures/losses.json). One picture a step is the noisiest there is: good losses go from 0.0025 to 1.5.
 */
import { describe, expect, test } from 'vitest';
import { divergence, type Divergence } from './divergence';
import recorded from '../fixtures/losses.json' with { type: 'json' };
import { stream } from '../step/random';

/** What is found, at the step at which it is. */
function watch(losses: readonly number[], extreme = false): (Divergence & { step: number }) | undefined {
  const seen: { step: number; loss: number }[] = [];
  for (const [i, loss] of losses.entries()) {
    seen.push({ step: i + 1, loss });
    const found = divergence(seen, extreme);
    if (found) return { step: i + 1, ...found };
  }
  return undefined;
}

/** As long as wanted, drawn from a recorded curve in an order of its own. */
function drawn(from: readonly number[], count: number, seed: number): number[] {
  const random = stream(seed, 'order');
  return Array.from({ length: count }, () => from[random.int(from.length)] ?? 0);
}

const { good, rate1 } = recorded;

describe('a run that goes well', () => {
  test('as it was recorded, also if its rate were thought extreme', () => {
    expect(watch(good)).toBeUndefined();
    expect(watch(good, true)).toBeUndefined();
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])('long, in order %i', (seed) => {
    expect(watch(drawn(good, 1000, seed))).toBeUndefined();
  });

  test('with min-SNR’s weights, and with the lower losses of a large base model', () => {
    const scaled = (by: (u: number) => number) =>
      drawn(good, 1000, 21).map((loss, i) => loss * by(stream(3, 'weight', i).uniform()));
    expect(watch(scaled((u) => Math.min(1, 5 * u)))).toBeUndefined();
    expect(watch(scaled(() => 0.2))).toBeUndefined();
  });
});

describe('a run at a rate of 1', () => {
  test('as it was recorded: the first loss alone is from before, and happened to be high', () => {
    const found = watch(rate1, true);
    expect(found?.step).toBeLessThanOrEqual(30);
    expect(found).toMatchObject({ since: 2 });
    expect(found?.to).toBeCloseTo(1.09, 1);
    expect(found?.from).toBeUndefined();
  });

  test('from a first loss that says something: known without the rate, and from where', () => {
    const found = watch([0.013, ...rate1.slice(1)]);
    expect(found).toMatchObject({ since: 2, from: 0.013 });
    expect(found?.step).toBeLessThanOrEqual(30);
  });

  test.each([5, 30, 200, 700])('that begins after %i good steps', (steps) => {
    const found = watch([...drawn(good, steps, steps), ...rate1.slice(1), ...rate1.slice(1)]);
    expect(found?.step).toBeGreaterThan(steps);
    expect(found?.step).toBeLessThanOrEqual(steps + 30);
    expect(Math.abs((found?.since ?? 0) - (steps + 1))).toBeLessThanOrEqual(3);
    expect(found?.from).toBeLessThan(0.5);
  });

  test('with min-SNR’s weights, which make little of a fifth of the losses', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const low = (i: number) => stream(seed, 'low', i).uniform();
      const weighted = [0.08, ...drawn(rate1.slice(1), 60, seed)].map((loss, i) =>
        i > 0 && low(i) < 0.2 ? loss * 5 * low(i) : loss,
      );
      expect(watch(weighted)?.step).toBeLessThanOrEqual(31);
    }
  });
});

describe('what only looks like it', () => {
  test('a base model that knew nothing from the start is no divergence', () => {
    expect(watch(drawn(rate1.slice(1), 300, 4))).toBeUndefined();
  });

  test('too few steps say nothing', () => {
    expect(watch([0.013, ...rate1.slice(1, 12)], true)).toBeUndefined();
  });
});

test('a loss that climbs to a multiple of its start, without ever being near 1', () => {
  const low = (count: number, level: number) => drawn(good, count, 5).map((loss) => 0.04 + level * loss);
  const found = watch([...low(60, 0.02), ...low(60, 0.8)]);
  expect(found?.step).toBeGreaterThan(60);
  expect(found?.step).toBeLessThanOrEqual(90);
});
