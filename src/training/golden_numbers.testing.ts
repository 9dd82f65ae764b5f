/**
 * The reference's numbers and how they are compared, apart from any test runner: golden tests use them, and so does
 * `npm run gpu` on machines that have no more than one bundled file.
 */
import type { ByteSource } from '../formats/safetensors/byte_source';
import { readHeader } from '../formats/safetensors/safetensors';
import { relativeError, type Comparison } from '../kernels/testing';

export interface Golden {
  names: string[];
  shape(name: string): number[];
  floats(name: string): Float32Array;
  ints(name: string): Int32Array;
}

/** Where a file of `reference/golden` is found: on disk beside the tests, or beside a tool that was carried elsewhere. */
export type GoldenFiles = (file: string) => ByteSource;

export async function readGolden(files: GoldenFiles, name: string): Promise<Golden> {
  const source = files(`${name}.safetensors`);
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

/** Below this share of the largest gradient, halves round more of one than its direction can show. */
const SMALL = 2e-3;

/**
 * Every gradient the reference has under `prefix`: within 1e-3 in f32, in direction within cosine 0.999 in f16. There one that
 * is under a five-hundredth of the largest (terms of a text encoder’s queries and keys cancel) is compared as if it were as long as
 * that: turned or missing it is wrong all the same. Throws where one is missing.
 */
export function compareGradients(
  want: Golden,
  prefix: string,
  got: ReadonlyMap<string, Float32Array>,
  tier: string,
): Comparison[] {
  const names = want.names.filter((name) => name.startsWith(`${prefix}/lora_`));
  const least = SMALL * Math.max(...names.map((name) => Math.hypot(...want.floats(name))));
  return names.map((name) => {
    const gradient = got.get(name.slice(prefix.length + 1));
    if (!gradient) throw new Error(`No gradient for ${name}.`);
    const reference = want.floats(name);
    const error = tier === 'f32' ? relativeError(gradient, reference) : turned(gradient, reference, least);
    return { what: name, error, tolerance: 1e-3 };
  });
}

/** 1 - cosine; of what is shorter than `least`, half the square of the difference over that length, which is the same where it is small. */
function turned(got: ArrayLike<number>, want: ArrayLike<number>, least: number): number {
  if (Math.hypot(...Array.from(want)) >= least) return 1 - cosine(got, want);
  return Math.hypot(...Array.from(want, (value, i) => got[i] - value)) ** 2 / (2 * least ** 2);
}
