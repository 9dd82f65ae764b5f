/**
 * AdamW and Lion over flat tensors, with everything around them that a mixed-precision step needs, on the GPU: the
 * gradient is judged (norm, finiteness), unscaled, clipped, applied and zeroed, and the loss scale adapted, without the
 * host looking. In place, not on the tape. Call `judgeGradient`, then `applyOptimizer`.
 *
 *   g = clip grad / scale,   clip = min(1, maxNorm / (|grad / scale| + 1e-6))        (as torch's clip_grad_norm_)
 *   AdamW (Loshchilov & Hutter 2019, as torch.optim.AdamW):
 *     p -= lr wd p;  m += (1 - b1)(g - m);  v = b2 v + (1 - b2) g^2
 *     p -= lr m / (1 - b1^t) / (sqrt(v) / sqrt(1 - b2^t) + eps)
 *   Lion (Chen et al. 2023):
 *     p -= lr (sign(b1 m + (1 - b1) g) + wd p);  m = b2 m + (1 - b2) g
 *
 * If any gradient is not finite, p, m, v and t stay as they are, bit for bit, and the loss scale is halved; it doubles
 * after `growthInterval` steps in a row that were (PyTorch's GradScaler, here between 1 and 2^24). t counts steps taken,
 * and lr is that of t: a step that was left out does not advance a schedule.
 * Tolerance: after 50 steps the total change of p is within 1e-5 of float64's, relative.
 */
import * as tf from '@tensorflow/tfjs';
import type { TensorInfo } from '@tensorflow/tfjs';
import { blockSum, reduceTier } from '../norm/reduce';
import { ShapeError } from '../pointwise/elementwise';
import { allocate, dispatch, groups1d, LINEAR_GROUP, program, type Program } from '../program';
import { HYPER_LENGTH, STATE_LENGTH } from './hyper';

/**
 * Norm and finiteness of the flat gradient, which carries `lossScale` [1], into `state` [8]; advances t there, and
 * then adapts the scale for the next step. `hyper` as `packHyper` packs it.
 */
export function judgeGradient(
  gradient: TensorInfo,
  hyper: TensorInfo,
  state: TensorInfo,
  lossScale: TensorInfo,
): void {
  requireSizes('judgeGradient', hyper, state);
  if (sizeOf(lossScale) !== 1)
    throw new ShapeError(`judgeGradient: lossScale is [${lossScale.shape}], not one number.`);
  const size = sizeOf(gradient);
  const chunks = Math.min(1024, Math.ceil(size / (LANES * 16)));
  const partials = allocate([chunks, 2]);
  dispatch(
    partialNorms(),
    [gradient, lossScale, partials],
    { size, stride: chunks * LANES },
    [chunks, 1, 1],
    3 * size,
  );
  dispatch(verdict(), [partials, hyper, state, lossScale], { chunks }, [1, 1, 1], 2 * chunks);
  tf.backend().disposeData(partials.dataId);
}

/** Elements that are left as they are, as PyTorch leaves a parameter without a gradient: they do not decay either. */
export interface Idle {
  from: number;
  to: number;
}

const NONE: Idle = { from: 0, to: 0 };

/** An optimizer: what it keeps of the past, and its step. */
interface Rule {
  /** Names, in its WGSL, of the flat tensors [P] that it keeps: one, or two. More need names in a saved state first. */
  readonly moments: readonly ['m'] | readonly ['m', 'v'];
  /** One element's step: changes theta[i] and the moments by the gradient `g` and the rate `lr`. */
  readonly wgsl: string;
}

/**
 * One step of `kind` over p [P] with the judged gradient [P], which is left zero, and as many moments [P] as it has.
 * Elements before `boundary` use lrText. @throws ShapeError
 */
export function applyOptimizer(
  kind: OptimizerKind,
  p: TensorInfo,
  moments: readonly TensorInfo[],
  gradient: TensorInfo,
  hyper: TensorInfo,
  state: TensorInfo,
  boundary: number,
  idle: Idle = NONE,
): void {
  const { moments: names, wgsl }: Rule = OPTIMIZERS[kind];
  if (moments.length !== names.length)
    throw new ShapeError(`${kind}: has ${names.length} moments, not ${moments.length}.`);
  requireSizes(kind, hyper, state);
  const size = sizeOf(p);
  for (const flat of [gradient, ...moments]) {
    if (sizeOf(flat) !== size)
      throw new ShapeError(`${kind}: parameters, gradient and moments must be of one length.`);
  }
  const params = { size, boundary, idleFrom: idle.from, idleTo: idle.to };
  const groups = groups1d(Math.ceil(size / LANES));
  dispatch(stepOf(kind, names, wgsl), [hyper, state, p, gradient, ...moments], params, groups, 16 * size);
}

// ---------------------------------------------------------------------------------------------------------------

const LANES = 256;

/** Names for the words of `hyper` and `state` (hyper.ts has them in this order). */
const LR_TEXT = 'hyper[0]';
const LR_UNET = 'hyper[1]';
const GROWTH_INTERVAL = 'hyper[2]';
const MAX_NORM = 'hyper[3]';
const BETA1 = 'hyper[4]';
const REST1 = 'hyper[5]';
const BETA2 = 'hyper[6]';
const REST2 = 'hyper[7]';
const LOG_BETA1 = 'hyper[8]';
const LOG_BETA2 = 'hyper[9]';
const EPS = 'hyper[10]';
const DECAY = 'hyper[11]';
const UPDATE = 'hyper[12]';
const LATER_TEXT = 'hyper[13]';
const LATER_UNET = 'hyper[14]';

const ADAMW = `
  theta[i] -= lr * ${DECAY} * theta[i];
  let mean = m[i] + ${REST1} * (g - m[i]);
  let square = ${BETA2} * v[i] + ${REST2} * g * g;
  m[i] = mean;
  v[i] = square;
  theta[i] -= lr * (mean / state[4]) / (sqrt(square) / sqrt(state[5]) + ${EPS});`;

const LION = `
  let direction = sign(${BETA1} * m[i] + ${REST1} * g);
  theta[i] -= lr * (direction + ${DECAY} * theta[i]);
  m[i] = ${BETA2} * m[i] + ${REST2} * g;`;

/** By name. A row is all that the GPU needs to know of an optimizer. */
export const OPTIMIZERS = {
  adamw: { moments: ['m', 'v'], wgsl: ADAMW },
  lion: { moments: ['m'], wgsl: LION },
} as const satisfies Readonly<Record<string, Rule>>;

export type OptimizerKind = keyof typeof OPTIMIZERS;

function stepOf(kind: string, moments: readonly string[], update: string): Program {
  return program(kind, () => ({
    inputs: { hyper: 'f32', state: 'f32' },
    outputs: {
      theta: 'f32',
      gradient: 'f32',
      ...Object.fromEntries(moments.map((moment) => [moment, 'f32' as const])),
    },
    params: { size: 'u32', boundary: 'u32', idleFrom: 'u32', idleTo: 'u32' },
    wgsl: `
${LINEAR_GROUP}
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = linearGroup(wid, nwg) * ${LANES}u + lane;
  if (i >= p.size) { return; }
  let g = gradient[i] * state[2];
  gradient[i] = 0.0;
  if (state[1] != 0.0 || (i >= p.idleFrom && i < p.idleTo)) { return; }
  let text = i < p.boundary;
  // t counts this update already.
  let later = state[3] - 1.0 > ${UPDATE};
  let lr = select(select(${LR_UNET}, ${LR_TEXT}, text), select(${LATER_UNET}, ${LATER_TEXT}, text), later);
${update}
}`,
  }));
}

/** Sums of squares, and how many elements are not finite, told by their bits: compilers may assume there are none. */
function partialNorms() {
  const tier = reduceTier();
  return program(`gradientNorm/${tier.tag}`, () => ({
    inputs: { gradient: 'f32', lossScale: 'f32' },
    outputs: { partials: 'vec2<f32>' },
    params: { size: 'u32', stride: 'u32' },
    subgroups: tier.subgroups,
    wgsl: `
${blockSum(LANES)}
${IS_FINITE}
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  var sum = vec2<f32>(0.0, 0.0);
  for (var i = wid.x * ${LANES}u + lane; i < p.size; i += p.stride) {
    let g = gradient[i];
    if (isFinite(g)) {
      let unscaled = g / lossScale[0];
      sum.x += unscaled * unscaled;
    } else {
      sum.y += 1.0;
    }
  }
  sum = blockSum(sum, lane);
  if (lane == 0u) { partials[wid.x] = sum; }
}`,
  }));
}

function verdict() {
  const tier = reduceTier();
  return program(`gradientNorm.verdict/${tier.tag}`, () => ({
    inputs: { partials: 'vec2<f32>', hyper: 'f32' },
    outputs: { state: 'f32', lossScale: 'f32' },
    params: { chunks: 'u32' },
    subgroups: tier.subgroups,
    wgsl: `
${blockSum(LANES)}
${IS_FINITE}
// 1 - e^x for x <= 0. Near zero e^x is too close to one to be subtracted from it: the series instead.
fn oneMinusExp(x: f32) -> f32 {
  if (x < -0.5) { return 1.0 - exp(x); }
  return -x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0 * (1.0 + x / 6.0
    * (1.0 + x / 7.0 * (1.0 + x / 8.0)))))));
}
@compute @workgroup_size(${LANES})
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = vec2<f32>(0.0, 0.0);
  for (var i = lane; i < p.chunks; i += ${LANES}u) { sum += partials[i]; }
  sum = blockSum(sum, lane);
  if (lane == 0u) {
    let skip = sum.y > 0.0 || !isFinite(sum.x);
    let norm = sqrt(sum.x);
    var clip = 1.0;
    if (${MAX_NORM} > 0.0) { clip = min(1.0, ${MAX_NORM} / (norm + 1e-6)); }
    state[0] = norm;
    state[1] = select(0.0, 1.0, skip);
    state[2] = clip / lossScale[0];
    if (skip) {
      state[6] += 1.0;
    } else {
      let t = state[3] + 1.0;
      state[3] = t;
      state[4] = oneMinusExp(t * ${LOG_BETA1});
      state[5] = oneMinusExp(t * ${LOG_BETA2});
    }
    if (${GROWTH_INTERVAL} > 0.0) {
      state[7] = select(state[7] + 1.0, 0.0, skip);
      if (skip) { lossScale[0] = max(0.5 * lossScale[0], 1.0); }
      if (state[7] >= ${GROWTH_INTERVAL}) {
        lossScale[0] = min(2.0 * lossScale[0], 16777216.0);
        state[7] = 0.0;
      }
    }
  }
}`,
  }));
}

const IS_FINITE = 'fn isFinite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }';

function requireSizes(op: string, hyper: TensorInfo, state: TensorInfo): void {
  if (sizeOf(hyper) !== HYPER_LENGTH || sizeOf(state) !== STATE_LENGTH) {
    throw new ShapeError(
      `${op}: hyper must have ${HYPER_LENGTH} elements and state ${STATE_LENGTH}; see hyper.ts.`,
    );
  }
}

function sizeOf(tensor: TensorInfo): number {
  return tensor.shape.reduce((product, n) => product * n, 1);
}
