import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkConfig, defaultConfig } from '../../formats/config/config';
import { configFields, type TrainConfig } from '../../formats/config/config_fields';
import type { Estimate } from '../../protocol/trainer';
import {
  canRecompute,
  isOffered,
  leverChange,
  leverChanges,
  leverNames,
  recomputing,
  triedUnasked,
} from './make_it_fit';
import { runTime } from './time';

const estimate = (facts: Partial<Estimate> = {}): Estimate => ({
  steps: 100,
  epochs: 10,
  stepsPerEpoch: 10,
  buckets: [],
  loraModules: 192,
  loraParameters: 1e6,
  loraBytes: 2e6,
  recomputedBlocks: 5,
  blocks: 25,
  microBatch: 1,
  largestBatch: 1,
  bytes: { weights: 1e9, kept: 1e9, working: 1e9, lora: 1e8 },
  peakBytes: 3.1e9,
  budgetBytes: 4e9,
  auto: false,
  fits: true,
  flopsPerStep: 4e12,
  efficiency: 0.5,
  ...facts,
});

const anyRun = fc
  .record({
    batch_size: fc.integer({ min: 1, max: 64 }),
    gradient_accumulation_steps: fc.integer({ min: 1, max: 1024 }),
    resolution: fc.integer({ min: 1, max: 32 }).map((n) => n * 64),
    min_bucket_reso: fc.integer({ min: 2, max: 64 }).map((n) => n * 32),
    train_text_encoder: fc.boolean(),
    base_precision: fc.constantFrom('fp16', 'int8', 'nf4'),
  })
  .map((values): TrainConfig => ({ ...defaultConfig(), max_bucket_reso: 4096, ...values }));

describe('make it fit', () => {
  it('changes settings to valid ones that need no more, and keeps how many pictures make a step', () => {
    fc.assert(
      fc.property(anyRun, fc.subarray([...leverNames]), (config, levers) => {
        const changed: TrainConfig = { ...config, ...leverChanges(levers, config) };
        expect(checkConfig(changed)).toEqual(changed);
        expect(changed.batch_size * changed.gradient_accumulation_steps).toBe(
          config.batch_size * config.gradient_accumulation_steps,
        );
        expect(changed.batch_size).toBeLessThanOrEqual(config.batch_size);
        expect(changed.resolution).toBeLessThanOrEqual(config.resolution);
        expect(changed.train_unet || changed.train_text_encoder).toBe(true);
      }),
    );
  });

  it('offers nothing that would change nothing', () => {
    const config = { ...defaultConfig(), batch_size: 1, train_text_encoder: false, resolution: 64 };
    expect(leverChange('batch', config)).toBeUndefined();
    expect(leverChange('unet-only', config)).toBeUndefined();
    expect(leverChange('resolution', config)).toBeUndefined();
    expect(
      leverChange('unet-only', { ...config, train_unet: false, train_text_encoder: true }),
    ).toBeUndefined();
    expect(leverChange('resolution', { ...config, resolution: 512 })).toMatchObject({ resolution: 384 });
    expect(leverChange('batch', { ...config, batch_size: 4, gradient_accumulation_steps: 3 })).toEqual({
      batch_size: 1,
      gradient_accumulation_steps: 12,
    });
  });

  it('tries int8 after recomputation, and offers NF4 where nothing else does, but never tries it', () => {
    expect(triedUnasked(leverNames)).toEqual(['recompute', 'int8', 'batch', 'unet-only', 'resolution']);
    const config = defaultConfig();
    expect(leverChange('int8', config)).toEqual({ base_precision: 'int8' });
    for (const base_precision of ['int8', 'nf4'] as const)
      expect(leverChange('int8', { ...config, base_precision })).toBeUndefined();
    expect(leverChange('nf4', { ...config, base_precision: 'int8' })).toEqual({ base_precision: 'nf4' });
    expect(leverChange('nf4', { ...config, base_precision: 'nf4' })).toBeUndefined();
    expect(leverChanges(['int8', 'nf4'], config)).toEqual({ base_precision: 'nf4' });
    const over = estimate({ fits: false });
    expect(isOffered('nf4', estimate())).toBe(false);
    expect(isOffered('nf4', over)).toBe(true);
    // The demo's weights are a small part of what it takes.
    expect(isOffered('int8', over, estimate({ peakBytes: 3.09e9 }))).toBe(false);
    expect(isOffered('int8', over, estimate({ peakBytes: 2e9 }))).toBe(true);
    expect(isOffered('batch', over, estimate({ peakBytes: 3.09e9 }))).toBe(true);
  });

  it('recomputes every block by a budget just above what that needs', () => {
    const { memory_budget_gb: budget = 0 } = recomputing(estimate({ peakBytes: 2_345_678_901 }));
    expect(budget).toBe(2.35);
    expect(budget).toBeLessThanOrEqual(configFields.memory_budget_gb.max);
    expect(canRecompute(estimate())).toBe(true);
    expect(canRecompute(estimate({ recomputedBlocks: 24 }))).toBe(false);
    expect(canRecompute(estimate({ fits: false }))).toBe(false);
  });
});

describe('the time of a run', () => {
  const config: TrainConfig = { ...defaultConfig(), batch_size: 2, sample_prompts: [] };

  it('is the work over the measured speed', () => {
    const time = runTime(estimate(), config, 1600, 4000);
    expect(time.stepSeconds).toBeCloseTo(2);
    expect(time.seconds).toBeCloseTo(3200);
    expect(time.sampleSeconds).toBe(0);
  });

  it('has the samples in it: before the first step, in between, and after the last', () => {
    const sampled = { ...config, sample_prompts: ['a', 'b'], sample_every_n_steps: 400, sample_steps: 20 };
    const { sampleSeconds, seconds } = runTime(estimate(), sampled, 1600, 4000);
    // Ten pictures of 40 forward passes; a step of two pictures is 2 x (2.3 + 5/25) of them.
    expect(sampleSeconds).toBeCloseTo((10 * 40 * 2) / (2 * 2.5));
    expect(seconds).toBeCloseTo(3200 + sampleSeconds);
    expect(runTime(estimate(), { ...sampled, sample_every_n_steps: 0 }, 1600, 4000).sampleSeconds).toBe(0);
    // By epochs of ten steps: after 400, 800, 1,200, and by steps after 500, 1,000, 1,500, with both ends eight times.
    const both = { ...sampled, sample_every_n_steps: 500, sample_every_n_epochs: 40 };
    expect(runTime(estimate(), both, 1600, 4000).sampleSeconds).toBeCloseTo((8 / 5) * sampleSeconds);
  });
});
