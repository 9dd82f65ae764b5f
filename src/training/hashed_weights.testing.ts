/**
 * For golden tests of models too large to commit: weights that are a function of their names, as `reference/make_varied.py`
 * makes them. `reference/golden/README.md` has the formula.
 */
import { fromBytes, type ByteSource } from '../formats/safetensors/byte_source';
import { f32ToF16 } from '../formats/safetensors/halves';
import { writeSafetensors } from '../formats/safetensors/safetensors_write';
import type { LoraValues } from '../models/lora';

type Shapes = Readonly<Record<string, readonly number[]>>;

/** A whole single-file checkpoint, in fp16. */
export function hashedCheckpoint(shapes: Shapes): ByteSource {
  return fromBytes(
    writeSafetensors(
      Object.entries(shapes).map(([name, shape]) => ({
        name,
        dtype: 'F16' as const,
        shape,
        data: new Uint8Array(f32ToF16(hashedWeights(name, shape)).buffer),
      })),
    ),
  );
}

export function hashedWeights(name: string, shape: readonly number[]): Float32Array {
  const u = hash(name, shape);
  if (name.endsWith('token_embedding.weight')) return u.map((v) => 1.2 * v);
  if (name.endsWith('position_embedding.weight')) return u.map((v) => 0.5 * v);
  if (name.endsWith('.bias')) return u.map((v) => 0.2 * v);
  if (shape.length === 1) return u.map((v) => 1 + 0.3 * v);
  const deviation = Math.sqrt(3 / shape.slice(1).reduce((product, n) => product * n, 1));
  return u.map((v) => v * deviation);
}

/** A module's pair, by kohya's name: down u / sqrt(in), up 0.3 u. */
export function hashedLora(
  module: string,
  { rank, in: inputs, out }: { rank: number; in: number; out: number },
): LoraValues {
  const bound = Math.sqrt(inputs);
  return {
    down: hash(`${module}.lora_down.weight`, [rank, inputs]).map((v) => v / bound),
    up: hash(`${module}.lora_up.weight`, [out, rank]).map((v) => 0.3 * v),
  };
}

/** Uniform in [-1, 1), a function of name and index. f64 until the caller has scaled it, as in the reference. */
function hash(name: string, shape: readonly number[]): Numbers {
  let seed = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 0x01000193);
  return new Numbers(
    shape.reduce((product, n) => product * n, 1),
    (i) => {
      let h = (Math.imul(i, 0x9e3779b9) + seed) | 0;
      h ^= h >>> 16;
      h = Math.imul(h, 0x85ebca6b);
      h ^= h >>> 13;
      h = Math.imul(h, 0xc2b2ae35);
      h ^= h >>> 16;
      return (h >>> 0) / 2 ** 31 - 1;
    },
  );
}

/** Mapped in f64, rounded to f32 once. */
class Numbers {
  constructor(
    private readonly length: number,
    private readonly at: (i: number) => number,
  ) {}

  map(f: (v: number) => number): Float32Array {
    return Float32Array.from({ length: this.length }, (_, i) => f(this.at(i)));
  }
}
