/** By what Start is enabled: the studio's own aim for memory never stands in the way, a budget set by hand does. */
import { expect, test } from 'vitest';
import type { Estimate } from '../../protocol/trainer';
import { missingFor, type StartFacts } from './missing';

const estimate: Estimate = {
  steps: 100, epochs: 10, stepsPerEpoch: 10, buckets: [], loraModules: 192, loraParameters: 1e6, loraBytes: 2e6,
  recomputedBlocks: 25, blocks: 26, microBatch: 1, largestBatch: 2,
  bytes: { weights: 2e9, kept: 0, working: 2.3e9, lora: 2e8 },
  peakBytes: 4.5e9, budgetBytes: 3.5e9, auto: true, fits: false, flopsPerStep: 4e12, efficiency: 0.5,
}; // prettier-ignore

const facts: StartFacts = {
  readOnly: false,
  pictures: 20,
  base: true,
  predictionUnsaid: false,
  arriving: undefined,
  problems: 0,
  unusable: 0,
  adapter: 'found',
  estimate: { state: 'known', estimate },
};

test('over its own aim, the studio starts; over a budget set by hand, it asks', () => {
  expect(missingFor(facts)).toEqual([]);
  const byHand = { ...estimate, auto: false, budgetBytes: 4e9 };
  expect(missingFor({ ...facts, estimate: { state: 'known', estimate: byHand } })).toEqual(['memory']);
  expect(missingFor({ ...facts, estimate: { state: 'known', estimate: { ...byHand, fits: true } } })).toEqual(
    [],
  );
});

test('an estimate under way, or one that failed for another reason, is nobody’s fault', () => {
  expect(missingFor({ ...facts, estimate: { state: 'asking' } })).toEqual([]);
  expect(missingFor({ ...facts, estimate: { state: 'failed', sentence: 'busy' } })).toEqual([]);
  const tooLarge = { state: 'failed', sentence: 'a buffer of 0.4 GB', tooLarge: true } as const;
  expect(missingFor({ ...facts, estimate: tooLarge })).toEqual(['tooLarge']);
});

test('a base model on its way is not one that was not chosen', () => {
  expect(missingFor({ ...facts, base: false })).toEqual(['base']);
  expect(missingFor({ ...facts, base: false, arriving: 'copied' })).toEqual(['copied']);
  expect(missingFor({ ...facts, base: false, arriving: 'downloaded' })).toEqual(['downloaded']);
  // Another one on its way beside the one in use changes nothing.
  expect(missingFor({ ...facts, arriving: 'copied' })).toEqual([]);
});

test('each has its place, the reasons that explain the others first', () => {
  expect(
    missingFor({
      readOnly: true,
      pictures: 0,
      base: false,
      predictionUnsaid: true,
      arriving: undefined,
      problems: 2,
      unusable: 1,
      adapter: 'missing',
      estimate: { state: 'none' },
    }),
  ).toEqual(['readOnly', 'pictures', 'base', 'prediction', 'problems', 'unusable', 'adapter']);
});
