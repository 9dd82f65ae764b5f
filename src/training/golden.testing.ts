/**
 * For golden tests only: the reference's numbers (`reference/golden/README.md` says what they are), read from disk.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { ByteSource } from '../formats/safetensors/byte_source';
import { closeDevice, gpu, openDevice, type Tier } from '../kernels/device';
import { relativeError } from '../kernels/testing';
import { loadBaseModel, type BaseModel } from './step/base_model';
import type { Start } from './differentiate.testing';
import { compareGradients, readGolden, type Golden } from './golden_numbers.testing';
import { goldenSource } from './golden_source.testing';
import { changeCosine, type Trained } from './golden_steps.testing';

export function golden(name: string): Promise<Golden> {
  return readGolden(goldenSource, name);
}

/** Runs golden tests on every tier, with a checkpoint loaded: the tiny one, or what `source` makes. */
export function onTiers(
  tests: (base: () => BaseModel, tier: Tier) => void,
  source: () => ByteSource = () => goldenSource('tiny-sd15.safetensors'),
): void {
  describe.each<Tier>(['f32', 'f16', 'f16-subgroups'])('%s', (tier) => {
    let base: BaseModel | undefined;
    beforeAll(async () => {
      await openDevice({ tier });
      base = await loadBaseModel([source()]);
    });
    afterAll(() => {
      expect(gpu().errors).toEqual([]);
      closeDevice();
    });
    tests(() => {
      if (!base) throw new Error('The base model is not loaded.');
      return base;
    }, tier);
  });
}

/** Expects a relative error under the tier's tolerance; see `relativeError`. */
export function expectClose(
  what: string,
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  tolerance: number,
): void {
  const error = relativeError(got, want);
  expect(error, `${what}: relative error`).toBeLessThan(tolerance);
}

/** Every gradient the reference has under `prefix`: within 1e-3 in f32, in direction within cosine 0.999 in f16. */
export function expectGradients(
  want: Golden,
  prefix: string,
  got: ReadonlyMap<string, Float32Array>,
  tier: string,
): void {
  const comparisons = compareGradients(want, prefix, got, tier);
  expect(comparisons.length).toBeGreaterThan(90);
  for (const { what, error, tolerance } of comparisons) expect(error, what).toBeLessThan(tolerance);
}

/**
 * Expects the thirty steps of `trainPictures` to be the reference's under `run`: in f32 every loss within 1e-4, the norms
 * within 1e-3 and the change in its direction within cosine 0.9999; in f16 within 1e-2, 2e-2 and 0.99, as SD 1.x's.
 */
export function expectSteps(got: Trained, want: Golden, start: Start, run: string, tier: string): void {
  const f32 = tier === 'f32';
  const losses = want.floats(`${run}/losses`);
  expect(losses).toHaveLength(30);
  expect(got.losses).toHaveLength(30);
  for (const [i, loss] of got.losses.entries())
    expect(relativeError([loss], [losses[i]]), `loss ${i}`).toBeLessThan(f32 ? 1e-4 : 1e-2);
  expect(relativeError(got.norms, want.floats(`${run}/grad_norms`))).toBeLessThan(f32 ? 1e-3 : 2e-2);
  const change = changeCosine(want, got.final, start, run);
  expect(change.names).toBeGreaterThan(70);
  expect(change.cosine).toBeGreaterThan(f32 ? 0.9999 : 0.99);
}
