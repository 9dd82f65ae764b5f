/**
 * y[b, i, j, o] = add[b, i, j, o] + bias[o] + sum over ky, kx, c of x[b, s i + ky - top, s j + kx - left, c] W[o, ky, kx, c], zeros
 * outside: 3x3 convolution as an implicit matrix product, W frozen, in any of the storages of `frozen.ts`.
 * x [B, H, W, I] f32, y [B, OH, OW, O] f32; with `upsample`, x is first doubled by nearest neighbour, which only its
 * addressing does. Gradient: dx, the transposed convolution of dy. No gradient for W or bias.
 * Relative error: f32 tier 1e-5, f16 tier 2e-3, for the reasons in `linear.ts`.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor, TensorInfo } from '@tensorflow/tfjs';
import { wordsAlong, type FrozenWeight, type Storage } from '../frozen/frozen';
import { gemm, type Window } from '../gemm/gemm';
import { defineKernel, passedOn, type Ending } from '../kernel';
import { allocate, dispatch, groups1d, LINEAR_GROUP, program } from '../program';
import { linear } from '../linear/linear';
import { requireSameShape, ShapeError } from '../pointwise/elementwise';

export interface FrozenKernel extends FrozenWeight {
  kernel: 1 | 3;
}

export interface ConvOptions extends Ending {
  stride?: 1 | 2;
  /** [top, bottom, left, right]; for a 3x3 kernel [1, 1, 1, 1] if left out. */
  pad?: readonly [number, number, number, number];
  /** Double x by nearest neighbour first. Stride 1 and a 3x3 kernel only. */
  upsample?: boolean;
}

/** x [B, H, W, I] to [B, OH, OW, O]. The caller's tidy owns the result. Throws `ShapeError` for what does not fit. */
export function conv2d(x: Tensor, w: FrozenKernel, bias?: Tensor, options: ConvOptions = {}): Tensor {
  const what = `conv2d [${w.out}, ${w.in}, ${w.kernel}, ${w.kernel}]`;
  if (x.rank !== 4 || x.shape[3] !== w.in) {
    throw new ShapeError(`${what}: the input must be [B, H, W, ${w.in}], its shape is [${x.shape}].`);
  }
  const { stride = 1, pad = [1, 1, 1, 1], upsample = false } = options;
  if (w.kernel === 1) {
    if (stride !== 1 || upsample || (options.pad && options.pad.some((n) => n > 0))) {
      throw new ShapeError(`${what}: a 1x1 convolution has stride 1, no padding and no upsampling here.`);
    }
    return linear(x, w, bias, options);
  }
  if (upsample && stride !== 1) throw new ShapeError(`${what}: upsampling goes with stride 1.`);
  const [top, bottom, left, right] = pad;
  const grow = upsample ? 2 : 1;
  const [, H, W]: readonly number[] = x.shape;
  const oh = Math.floor((H * grow + top + bottom - 3) / stride) + 1;
  const ow = Math.floor((W * grow + left + right - 3) / stride) + 1;
  if (oh < 1 || ow < 1)
    throw new ShapeError(`${what}: an input of ${H}x${W} pixels is smaller than the kernel.`);
  const attrs: Attrs = {
    ...{ out: w.out, in: w.in, storage: w.storage ?? 'half' },
    ...{ H, W, oh, ow, stride, padTop: top, padLeft: left, upsample },
    unread: options.unread ?? false,
  };
  const { add } = options;
  if (add) requireSameShape(`${what}: its output and what is added`, [x.shape[0], oh, ow, w.out], add.shape);
  return kernel({ x, w: w.data, ...(bias ? { bias } : {}), ...(add ? { add } : {}) }, attrs)[0];
}

interface Attrs extends Window {
  out: number;
  in: number;
  storage: Storage;
  upsample: boolean;
  unread: boolean;
}

const kernel = defineKernel<Attrs>({
  name: 'FrozenConv2d',
  forward: ({ x, w, bias, add }, attrs) => {
    const { out, oh, ow } = attrs;
    const batch = x.shape[0];
    const shape = [batch, oh, ow, out];
    if (attrs.unread) return allocate(shape);
    return gemm({
      M: batch * oh * ow,
      N: out,
      K: attrs.in,
      taps: 9,
      a: x,
      aKind: attrs.upsample ? 'convUp' : 'conv',
      window: windowOf(attrs),
      b: w,
      bKind: `${attrs.storage}NT`,
      ...wordsOf(attrs),
      bias,
      add,
      half: true,
      activation: true,
      shape,
    });
  },
  gradient: {
    saveInputs: ['w'],
    backward: ([dy], [w], attrs) => ({
      x: () => inputGradient({ dy, w }, attrs)[0],
      add: () => passedOn(dy),
    }),
  },
});

const inputGradient = defineKernel<Attrs>({
  name: 'FrozenConv2dInputGradient',
  forward: ({ dy, w }, attrs) => {
    const batch = dy.shape[0];
    const grow = attrs.upsample ? 2 : 1;
    const [H, W] = [attrs.H * grow, attrs.W * grow];
    // Source and target change places: dy is what is looked at, x's pixels are the rows.
    const window = { ...windowOf(attrs), H: attrs.oh, W: attrs.ow, oh: H, ow: W };
    const dx = gemm({
      M: batch * H * W,
      N: attrs.in,
      K: attrs.out,
      taps: 9,
      a: dy,
      aKind: 'convT',
      window,
      b: w,
      bKind: `${attrs.storage}NN`,
      ...wordsOf(attrs),
      half: true,
      shape: [batch, H, W, attrs.in],
    });
    if (!attrs.upsample) return dx;
    const sum = sumQuads(dx, batch, attrs);
    tf.backend().disposeData(dx.dataId);
    return sum;
  },
});

/** Each source pixel gathers the four it was copied to. */
function sumQuads(dx: TensorInfo, batch: number, attrs: Attrs): TensorInfo {
  const { H, W } = attrs;
  const sum = allocate([batch, H, W, attrs.in]);
  const length = batch * H * W * attrs.in;
  dispatch(
    program('conv2d-sum-quads', () => ({
      inputs: { fine: 'f32' },
      outputs: { coarse: 'f32' },
      params: { W: 'u32', C: 'u32', length: 'u32' },
      wgsl: `${LINEAR_GROUP}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
  let i = linearGroup(wid, nwg) * 64u + lid;
  if (i >= p.length) { return; }
  let c = i % p.C;
  let x = (i / p.C) % p.W;
  let row = i / (p.C * p.W);
  let line = 2u * p.W * p.C;
  let at = 2u * row * line + 2u * x * p.C + c;
  coarse[i] = (fine[at] + fine[at + p.C]) + (fine[at + line] + fine[at + line + p.C]);
}`,
    })),
    [dx, sum],
    { W, C: attrs.in, length },
    groups1d(Math.ceil(length / 64)),
    4 * length,
  );
  return sum;
}

function windowOf({ H, W, oh, ow, stride, padTop, padLeft }: Attrs): Window {
  return { H, W, oh, ow, stride, padTop, padLeft };
}

function wordsOf(attrs: Attrs) {
  const tapWords = wordsAlong(attrs.storage, attrs.in);
  return { rowWords: 9 * tapWords, tapWords };
}
