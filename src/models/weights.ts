/**
 * A model's frozen weights on the GPU, by diffusers name: matrices and kernels as packed halves, vectors as f32.
 * Filled tensor by tensor while a checkpoint streams in; knows no file format.
 */
import type * as tf from '@tensorflow/tfjs';
import type { HalfConvWeight } from '../kernels/conv2d/conv2d';
import type { HalfWeight } from '../kernels/linear/linear';
import { packHalf, packHalfConv } from '../kernels/linear/pack_half';
import { reserve, upload, write } from '../kernels/program';
import { CheckpointShapeError, type Shapes } from './config';

/** Where a tensor of this name and shape goes: packed halves for products, f32 for what is only added or scaled by. */
export function storageOf(name: string, shape: readonly number[]): 'half' | 'float' {
  return shape.length >= 2 && !name.endsWith('position_embedding.weight') ? 'half' : 'float';
}

export interface Affine {
  weight: HalfWeight;
  bias: tf.Tensor | undefined;
}

export interface Convolution {
  weight: HalfConvWeight;
  bias: tf.Tensor | undefined;
}

export class Weights {
  private readonly matrices = new Map<string, HalfWeight>();
  private readonly kernels = new Map<string, HalfConvWeight>();
  private readonly vectors = new Map<string, tf.Tensor>();

  /** `label` names these bytes in the ledger. */
  constructor(readonly label: string) {}

  /** Adds a matrix [O, I] or kernel [O, I, kh, kw] from the bits of its halves, in the checkpoint's order. */
  addHalf(name: string, shape: readonly number[], halves: Uint16Array): void {
    const [out = 0, inputs = 0, kh = 1, kw = 1] = shape;
    if (kh !== kw || (kh !== 1 && kh !== 3))
      throw new CheckpointShapeError(`${name}: a ${kh}x${kw} kernel is unknown.`);
    if (kh === 3) {
      const data = this.fill(
        halves,
        out,
        (rows, count) => packHalfConv(rows, count, inputs, 3),
        9 * Math.ceil(inputs / 2),
      );
      this.kernels.set(name, { data, out, in: inputs, kernel: 3 });
    } else {
      const data = this.fill(
        halves,
        out,
        (rows, count) => packHalf(rows, count, inputs),
        Math.ceil(inputs / 2),
      );
      this.matrices.set(name, { data, out, in: inputs });
    }
  }

  addFloat(name: string, shape: readonly number[], values: Float32Array): void {
    this.vectors.set(name, upload(values, shape, this.label));
  }

  /** Space for a tensor of this name and shape without its values: what a prediction of memory needs. */
  reserve(name: string, shape: readonly number[]): void {
    const [out = 0, inputs = 0, kernel = 1] = shape;
    if (storageOf(name, shape) === 'float') this.vectors.set(name, reserve(shape, 'float32', this.label));
    else if (kernel === 3) {
      const data = reserve([out, 9 * Math.ceil(inputs / 2)], 'int32', this.label);
      this.kernels.set(name, { data, out, in: inputs, kernel: 3 });
    } else {
      this.matrices.set(name, {
        data: reserve([out, Math.ceil(inputs / 2)], 'int32', this.label),
        out,
        in: inputs,
      });
    }
  }

  has(name: string): boolean {
    return this.matrices.has(name) || this.kernels.has(name) || this.vectors.has(name);
  }

  /** `path.weight` and, if there, `path.bias`; a 1x1 convolution is one too. */
  linear(path: string): Affine {
    return { weight: this.matrix(`${path}.weight`), bias: this.vectors.get(`${path}.bias`) };
  }

  conv(path: string): Convolution {
    return { weight: found(this.kernels, `${path}.weight`), bias: this.vectors.get(`${path}.bias`) };
  }

  norm(path: string): { gamma: tf.Tensor; beta: tf.Tensor } {
    return { gamma: this.vector(`${path}.weight`), beta: this.vector(`${path}.bias`) };
  }

  matrix(name: string): HalfWeight {
    return found(this.matrices, name);
  }

  vector(name: string): tf.Tensor {
    return found(this.vectors, name);
  }

  dispose(): void {
    for (const { data } of this.matrices.values()) data.dispose();
    for (const { data } of this.kernels.values()) data.dispose();
    for (const tensor of this.vectors.values()) tensor.dispose();
    this.matrices.clear();
    this.kernels.clear();
    this.vectors.clear();
  }

  /** Packs and writes a few MB of rows at a time, so that the host never holds the matrix twice. */
  private fill(
    halves: Uint16Array,
    out: number,
    pack: (rows: Uint16Array, count: number) => Int32Array,
    words: number,
  ): tf.Tensor {
    const data = reserve([out, words], 'int32', this.label);
    const perRow = halves.length / out;
    const chunk = Math.max(1, Math.floor(CHUNK_WORDS / words));
    for (let row = 0; row < out; row += chunk) {
      const count = Math.min(chunk, out - row);
      write(data, pack(halves.subarray(row * perRow, (row + count) * perRow), count), row * words);
    }
    return data;
  }
}

const CHUNK_WORDS = 1 << 20;

/**
 * Compares what a checkpoint has with what its inferred architecture needs. Throws `CheckpointShapeError` naming up
 * to five tensors that are missing or of another shape. 1x1 kernels and matrices count as the same.
 */
export function checkShapes(part: string, have: Shapes, need: Shapes): void {
  const wrong: string[] = [];
  for (const [name, shape] of need) {
    const found = have.get(name);
    if (!found) wrong.push(`"${name}" is missing`);
    else if (squeezed(found) !== squeezed(shape)) wrong.push(`"${name}" is [${found}], expected [${shape}]`);
  }
  if (wrong.length) {
    throw new CheckpointShapeError(
      `${part}: ${wrong.slice(0, 5).join('; ')}${wrong.length > 5 ? `; and ${wrong.length - 5} more` : ''}.`,
    );
  }
}

function squeezed(shape: readonly number[]): string {
  return (shape.length === 4 && shape[2] === 1 && shape[3] === 1 ? shape.slice(0, 2) : shape).join();
}

function found<T>(map: ReadonlyMap<string, T>, name: string): T {
  const value = map.get(name);
  if (value === undefined) throw new CheckpointShapeError(`The checkpoint has no tensor "${name}".`);
  return value;
}
