/**
 * For golden tests only: the reference's numbers (`reference/golden/README.md` says what they are), read from disk.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { ByteSource } from '../formats/safetensors/byte_source';
import { readHeader } from '../formats/safetensors/safetensors';
import { closeDevice, gpu, openDevice, type Tier } from '../kernels/device';
import { relativeError } from '../kernels/testing';
import { loadBaseModel, type BaseModel } from './step/base_model';
import { goldenSource } from './golden_source.testing';

export interface Golden {
  names: string[];
  shape(name: string): number[];
  floats(name: string): Float32Array;
  ints(name: string): Int32Array;
}

export async function golden(name: string): Promise<Golden> {
  const source = goldenSource(`${name}.safetensors`);
  const { tensors } = await readHeader(source);
  const bytes = new Map<string, ArrayBuffer>();
  for (const { name: key, start, end } of tensors.values()) bytes.set(key, await source.slice(start, end));
  const of = (key: string, dtype: string) => {
    const entry = tensors.get(key);
    const data = bytes.get(key);
    if (!entry || !data || entry.dtype !== dtype)
      throw new Error(`${name}.safetensors has no ${dtype} tensor "${key}".`);
    return data;
  };
  return {
    names: [...tensors.keys()],
    shape: (key) => [...(tensors.get(key)?.shape ?? [])],
    floats: (key) => new Float32Array(of(key, 'F32')),
    ints: (key) => new Int32Array(of(key, 'I32')),
  };
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

export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i], b[i]];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / Math.sqrt(aa * bb);
}

/** Every gradient the reference has under `prefix`: within 1e-3 in f32, in direction within cosine 0.999 in f16. */
export function expectGradients(
  want: Golden,
  prefix: string,
  got: ReadonlyMap<string, Float32Array>,
  tier: string,
): void {
  const names = want.names.filter((name) => name.startsWith(`${prefix}/lora_`));
  expect(names.length).toBeGreaterThan(90);
  for (const name of names) {
    const gradient = got.get(name.slice(prefix.length + 1));
    if (!gradient) throw new Error(`No gradient for ${name}.`);
    const reference = want.floats(name);
    if (tier === 'f32') expect(relativeError(gradient, reference), name).toBeLessThan(1e-3);
    else expect(cosine(gradient, reference), name).toBeGreaterThan(0.999);
  }
}
