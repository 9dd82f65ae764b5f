/**
 * A model's frozen weights on the GPU, by diffusers name: matrices and kernels as packed halves or codes, vectors as f32.
 * Filled tensor by tensor while a checkpoint streams in; knows no file format.
 */
import type * as tf from '@tensorflow/tfjs';
import type { FrozenKernel } from '../kernels/conv2d/conv2d';
import { BLOCK, weightShape, wordsAlong, type FrozenWeight, type Storage } from '../kernels/frozen/frozen';
import { quantize } from '../kernels/frozen/quantize';
import { packHalf, packHalfConv } from '../kernels/linear/pack_half';
import { reserve, upload, write } from '../kernels/program';
import { CheckpointShapeError, type Shapes } from './config';
import { storageOf, type BasePrecision } from './storage';

export interface Affine {
  weight: FrozenWeight;
  bias: tf.Tensor | undefined;
}

export interface Convolution {
  weight: FrozenKernel;
  bias: tf.Tensor | undefined;
}

export class Weights {
  private readonly matrices = new Map<string, FrozenWeight>();
  private readonly kernels = new Map<string, FrozenKernel>();
  private readonly vectors = new Map<string, tf.Tensor>();

  /** `label` names these bytes in the ledger. */
  constructor(
    readonly label: string,
    private readonly precision: BasePrecision = 'fp16',
  ) {}

  /** Where a tensor of this name and shape goes. */
  storageOf(name: string, shape: readonly number[]): 'float' | Storage {
    return storageOf(name, shape, this.precision);
  }

  /** Adds a matrix [O, I] or kernel [O, I, kh, kw] from the bits of its halves, in the checkpoint's order. */
  addHalf(name: string, shape: readonly number[], halves: Uint16Array): void {
    const [, inputs = 0, kh = 1, kw = 1] = shape;
    if (kh !== kw || (kh !== 1 && kh !== 3))
      throw new CheckpointShapeError(`${name}: a ${kh}x${kw} kernel is unknown.`);
    this.room(name, shape);
    if (kh === 3)
      this.fill(found(this.kernels, name), halves, 9, (rows, count) => packHalfConv(rows, count, inputs, 3));
    else this.fill(found(this.matrices, name), halves, 1, (rows, count) => packHalf(rows, count, inputs));
  }

  addFloat(name: string, shape: readonly number[], values: Float32Array): void {
    this.vectors.set(name, upload(values, shape, this.label));
  }

  /** Space for a tensor of this name and shape without its values: what a prediction of memory needs. */
  reserve(name: string, shape: readonly number[]): void {
    if (this.storageOf(name, shape) === 'float')
      this.vectors.set(name, reserve(shape, 'float32', this.label));
    else this.room(name, shape);
  }

  /** Of a matrix or a kernel. */
  private room(name: string, shape: readonly number[]): void {
    const [out = 0, inputs = 0, kernel = 1] = shape;
    const stored = this.storageOf(name, shape);
    const storage = stored === 'float' ? 'half' : stored;
    const taps = kernel === 3 ? 9 : 1;
    const data = reserve(weightShape(storage, out, taps, inputs), 'int32', this.label);
    if (kernel === 3) this.kernels.set(name, { data, out, in: inputs, storage, kernel: 3 });
    else this.matrices.set(name, { data, out, in: inputs, storage });
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

  matrix(name: string): FrozenWeight {
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
    { data, out, in: inputs, storage = 'half' }: FrozenWeight,
    halves: Uint16Array,
    taps: number,
    pack: (rows: Uint16Array, count: number) => Int32Array,
  ): void {
    const words = taps * wordsAlong('half', inputs);
    const perRow = halves.length / out;
    const blocks = (taps * inputs) / BLOCK;
    // Even, as `quantize` begins at an even block.
    const chunk = Math.max(2, 2 * Math.floor(CHUNK_WORDS / words / 2));
    for (let row = 0; row < out; row += chunk) {
      const count = Math.min(chunk, out - row);
      const packed = pack(halves.subarray(row * perRow, (row + count) * perRow), count);
      if (storage === 'half') write(data, packed, row * words);
      else {
        // Of few sizes, so that the next tensor takes the same buffer.
        const staged = upload(packed, [2 ** Math.ceil(Math.log2(packed.length))], this.label);
        const stretch = { firstBlock: row * blocks, blocks: count * blocks, allBlocks: out * blocks };
        quantize(storage, staged, data, stretch);
        staged.dispose();
      }
    }
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
