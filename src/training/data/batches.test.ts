import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BatchConfig,
  type BatchImage,
  batchesPerEpoch,
  epochBatches,
  InvalidBatchesError,
  stepsPerEpoch,
  totalSteps,
  trainingSteps,
  type TrainingStep,
} from './batches';

const square: BatchImage['bucket'] = [512, 512];
const wide: BatchImage['bucket'] = [640, 384];
const images: BatchImage[] = [
  { bucket: square, repeats: 2 },
  { bucket: wide, repeats: 3 },
  { bucket: square, repeats: 1 },
  { bucket: square, repeats: 2 },
];
const config: BatchConfig = { seed: 1, batchSize: 2, accumulation: 2 };

function take(from: number, count: number, c = config): TrainingStep[] {
  const steps = trainingSteps(images, c, from);
  return Array.from({ length: count }, () => steps.next().value);
}

describe('epochBatches', () => {
  it('shows every image as often as it is repeated, one bucket a batch', () => {
    const batches = epochBatches(images, config, 0);
    expect(batches).toHaveLength(5); // ceil(5 / 2) + ceil(3 / 2)
    const shown = batches.flatMap((b) => b.images).sort();
    expect(shown).toEqual([0, 0, 1, 1, 1, 2, 3, 3]);
    for (const b of batches) for (const i of b.images) expect(images[i].bucket).toBe(b.bucket);
    expect(batches.map((b) => b.images.length).sort()).toEqual([1, 1, 2, 2, 2]);
  });

  it('depends on seed and epoch alone, and differs between them', () => {
    const orders = [
      [1, 0],
      [1, 1],
      [1, 2],
      [2, 0],
    ].map(([seed, epoch]) => JSON.stringify(epochBatches(images, { ...config, seed }, epoch)));
    expect(new Set(orders).size).toBe(4);
    expect(JSON.stringify(epochBatches(images, config, 2))).toBe(orders[2]);
  });

  it('puts other images together in other epochs', () => {
    const alike = Array.from({ length: 6 }, (): BatchImage => ({ bucket: square, repeats: 1 }));
    const companions = new Set<string>();
    for (let epoch = 0; epoch < 20; epoch++) {
      for (const b of epochBatches(alike, config, epoch)) companions.add([...b.images].sort().join());
    }
    expect(companions.size).toBeGreaterThan(10); // of the 15 pairs there are
  });

  it('mixes the buckets', () => {
    const first = new Set(
      Array.from({ length: 20 }, (_, e) => epochBatches(images, config, e)[0].bucket.join()),
    );
    expect(first.size).toBe(2);
  });
});

describe('counting', () => {
  it('is sum of ceil(n / batch), then ceil over accumulation', () => {
    expect(batchesPerEpoch(images, config)).toBe(5);
    expect(stepsPerEpoch(images, config)).toBe(3);
    expect(stepsPerEpoch(images, { ...config, accumulation: 1 })).toBe(5);
    expect(totalSteps(images, config, { epochs: 4 })).toBe(12);
    expect(totalSteps(images, config, { maxSteps: 7 })).toBe(7);
    expect(totalSteps(images, config, { epochs: 4, maxSteps: 7 })).toBe(7);
    expect(totalSteps(images, config, { epochs: 1, maxSteps: 7 })).toBe(3);
  });

  it('agrees with what is made, for any set of images', () => {
    const image = fc.record({
      bucket: fc.constantFrom(square, wide),
      repeats: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(
        fc.array(image, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 8 }),
        fc.nat(),
        (list, batchSize, epoch) => {
          const c = { ...config, batchSize };
          const batches = epochBatches(list, c, epoch);
          expect(batches.length).toBe(batchesPerEpoch(list, c));
          const shown = new Array<number>(list.length).fill(0);
          for (const b of batches) for (const i of b.images) shown[i]++;
          expect(shown).toEqual(list.map((i) => i.repeats));
        },
      ),
    );
  });
});

describe('trainingSteps', () => {
  it('walks through the epochs in groups that do not cross their ends', () => {
    const steps = take(0, 6);
    expect(steps.map((s) => [s.step, s.epoch, s.batches.length])).toEqual([
      [0, 0, 2],
      [1, 0, 2],
      [2, 0, 1],
      [3, 1, 2],
      [4, 1, 2],
      [5, 1, 1],
    ]);
    expect(steps.slice(3).flatMap((s) => s.batches)).toEqual(epochBatches(images, config, 1));
  });

  it('begins anywhere and gives what the uninterrupted run gives', () => {
    const whole = take(0, 14);
    for (let from = 0; from < 14; from++) expect(take(from, 14 - from)).toEqual(whole.slice(from));
  });
});

describe('bad input', () => {
  it.each([
    [[], config, /no images/],
    [images, { ...config, batchSize: 0 }, /batch size is 0/],
    [images, { ...config, batchSize: 1.5 }, /batch size is 1.5/],
    [images, { ...config, accumulation: 0 }, /accumulation is 0/],
    [[{ bucket: square, repeats: 0 }], config, /Image 0 is repeated 0 times/],
  ])('is named (%#)', (list, c, message) => {
    expect(() => epochBatches(list, c, 0)).toThrow(InvalidBatchesError);
    expect(() => stepsPerEpoch(list, c)).toThrow(message);
  });

  it('names a run without length', () => {
    expect(() => totalSteps(images, config, {})).toThrow(/how many epochs/);
    expect(() => totalSteps(images, config, { epochs: 0 })).toThrow(/epochs is 0/);
  });
});
