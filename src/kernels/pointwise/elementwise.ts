/**
 * Runs one WGSL expression over every element, four at a time where the innermost extent allows. What the pointwise
 * operations, and the small ones of other folders, are made of.
 */
import type { TensorInfo } from '@tensorflow/tfjs';
import {
  allocate,
  allocateActivation,
  dispatch,
  groups1d,
  LINEAR_GROUP,
  program,
  type Element,
} from '../program';

export interface Elementwise {
  /** Names the program: must determine everything else here. */
  name: string;
  /**
   * Names of the inputs, as the expression indexes them: arrays of `T` (f32 or vec4<f32>). A name given a type
   * (`'coefs: f32'`) is bound as that instead.
   */
  inputs: readonly string[];
  /** The value of `out[i]`, or statements that end in `return value;`. `i` counts in units of `T`, `W` is T's width. May differ by width. */
  value: string | ((width: 1 | 4) => string);
  /** More WGSL functions. */
  functions?: string;
  params?: Readonly<Record<string, 'u32' | 'f32'>>;
  /** Of the forward pass: see `allocateActivation`. Where halves can come in, they are read by `read_NAME(i)`. */
  activation?: boolean;
}

const LANES = 256;

/**
 * A new tensor of `shape` holding the expression's values. `unit` is the extent that must be a multiple of four for
 * the vector form (by default the number of elements). Params counted in elements must be divided by the width:
 * `params` is called with it.
 */
export function elementwise(
  op: Elementwise,
  tensors: readonly TensorInfo[],
  shape: readonly number[],
  params: (width: number) => Readonly<Record<string, number>> = () => ({}),
  unit?: number,
): TensorInfo {
  const size = shape.reduce((product, n) => product * n, 1);
  const width = (unit ?? size) % 4 === 0 && size % 4 === 0 ? 4 : 1;
  const value = typeof op.value === 'string' ? op.value : op.value(width);
  const T: Element = width === 4 ? 'vec4<f32>' : 'f32';
  const made = program(`${op.name}/${width}`, () => ({
    inputs: Object.fromEntries(
      op.inputs.map((input) => {
        const [name, type] = input.split(': ') as [string, Element | undefined];
        return [name, type ?? T];
      }),
    ),
    outputs: { out: T },
    params: { count: 'u32', ...op.params },
    wgsl: `
alias T = ${T};
const W = ${width}u;
${LINEAR_GROUP}
${op.functions ?? ''}
fn value(i: u32) -> T { ${value.includes('return') ? value : `return ${value};`} }
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = linearGroup(wid, nwg) * ${LANES}u + lane;
  if (i < p.count) { write_out(i, value(i)); }
}`,
  }));
  const out = (op.activation && width === 4 ? allocateActivation : allocate)(shape);
  const count = size / width;
  dispatch(
    made,
    [...tensors, out],
    { count, ...params(width) },
    groups1d(Math.ceil(count / LANES)),
    4 * size,
  );
  return out;
}

/** Throws where two shapes that must agree do not. */
export function requireSameShape(op: string, a: readonly number[], b: readonly number[]): void {
  if (a.length !== b.length || a.some((n, i) => n !== b[i])) {
    throw new ShapeError(
      `${op}: the shapes [${a}] and [${b}] must be equal. Reshape or slice one of them first.`,
    );
  }
}

/** A kernel was called with shapes it cannot work on: always a mistake in the calling code. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}
