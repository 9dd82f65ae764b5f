/**
 * For golden tests only: the reference's numbers (`reference/golden/README.md` says what they are), read from disk.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { fromBytes, type ByteSource } from '../formats/byte_source';
import { readHeader } from '../formats/safetensors';
import { closeDevice, gpu, openDevice, type Tier } from '../kernels/device';
import { relativeError } from '../kernels/testing';
import { loadBaseModel, type BaseModel } from './base_model';

export interface Golden {
  names: string[];
  shape(name: string): number[];
  floats(name: string): Float32Array;
  ints(name: string): Int32Array;
}

export function goldenSource(name: string): ByteSource {
  return fromBytes(new Uint8Array(readFileSync(new URL(`../../reference/golden/${name}`, import.meta.url))));
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

/** Runs golden tests on every tier, with the tiny checkpoint loaded. */
export function onTiers(
  tests: (base: () => BaseModel, tier: Tier) => void,
  file = 'tiny-sd15.safetensors',
): void {
  describe.each<Tier>(['f32', 'f16', 'f16-subgroups'])('%s', (tier) => {
    let base: BaseModel | undefined;
    beforeAll(async () => {
      await openDevice({ tier });
      base = await loadBaseModel([goldenSource(file)]);
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
    const [x, y] = [a[i] as number, b[i] as number];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / Math.sqrt(aa * bb);
}
