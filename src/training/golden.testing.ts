/**
 * For golden tests only: the reference's numbers (`reference/golden/README.md` says what they are), read from disk.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { ByteSource } from '../formats/safetensors/byte_source';
import { closeDevice, gpu, openDevice, type Tier } from '../kernels/device';
import { relativeError } from '../kernels/testing';
import { loadBaseModel, type BaseModel } from './step/base_model';
import { compareGradients, readGolden, type Golden } from './golden_numbers.testing';
import { goldenSource } from './golden_source.testing';

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
