/**
 * Numbers to work on, made on the GPU: a bench needs no checkpoint, and zeros would not do, since hardware runs faster
 * and cooler on them. Uniform, by a hash of the index (Wellons' `lowbias32`, public domain).
 */
import type { Tensor } from '@tensorflow/tfjs';
import { dispatch, groups1d, LINEAR_GROUP, program, reserve } from '../../src/kernels/program';

/** Fills an f32 tensor with numbers in `centre` +- `bound`. */
export function fillFloats(tensor: Tensor, bound: number, seed: number, centre = 0): void {
  fill('f32', 'values[i] = p.centre + p.bound * unit(i);', tensor, bound, seed, centre);
}

/** Fills packed halves, both of each word, with numbers in +- `bound`. */
export function fillHalves(tensor: Tensor, bound: number, seed: number): void {
  const pair = 'vec2<f32>(unit(2u * i), unit(2u * i + 1u))';
  fill('u32', `values[i] = pack2x16float(p.bound * ${pair});`, tensor, bound, seed, 0);
}

/** Makes tensors for one measurement, and disposes all of them at its end. */
export class Scratch {
  private readonly owned: Tensor[] = [];

  floats(...shape: number[]): Tensor {
    const tensor = this.own(reserve(shape, 'float32', 'bench'));
    fillFloats(tensor, Math.sqrt(3), this.owned.length);
    return tensor;
  }

  /** f32 weights whose outputs have the size of their inputs. */
  weights(fanIn: number, ...shape: number[]): Tensor {
    const tensor = this.own(reserve(shape, 'float32', 'bench'));
    fillFloats(tensor, Math.sqrt(3 / fanIn), this.owned.length);
    return tensor;
  }

  /** Packed halves of a matrix, or of a 3x3 kernel with `taps` 9. */
  halves(out: number, inputs: number, taps: 1 | 9 = 1): Tensor {
    const tensor = this.own(reserve([out, taps * Math.ceil(inputs / 2)], 'int32', 'bench'));
    fillHalves(tensor, Math.sqrt(3 / (taps * inputs)), this.owned.length);
    return tensor;
  }

  dispose(): void {
    for (const tensor of this.owned) tensor.dispose();
    this.owned.length = 0;
  }

  private own(tensor: Tensor): Tensor {
    this.owned.push(tensor);
    return tensor;
  }
}

function fill(
  element: 'f32' | 'u32',
  statement: string,
  tensor: Tensor,
  bound: number,
  seed: number,
  centre: number,
): void {
  dispatch(
    program(`bench-fill-${element}`, () => ({
      inputs: {},
      outputs: { values: element },
      params: { count: 'u32', seed: 'u32', bound: 'f32', centre: 'f32' },
      wgsl: `${LINEAR_GROUP}
fn unit(i: u32) -> f32 {
  var x = i * 2654435769u + p.seed * 40503u;
  x = (x ^ (x >> 16u)) * 0x7feb352du;
  x = (x ^ (x >> 15u)) * 0x846ca68bu;
  x = x ^ (x >> 16u);
  return f32(x >> 8u) * (2.0 / 16777216.0) - 1.0;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
  let i = linearGroup(wid, nwg) * 64u + lid;
  if (i >= p.count) { return; }
  ${statement}
}`,
    })),
    [tensor],
    { count: tensor.size, seed, bound, centre },
    groups1d(Math.ceil(tensor.size / 64)),
  );
}
