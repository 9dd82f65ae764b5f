/**
 * AdamW and Lion over a flat vector in pieces, with everything around them that a mixed-precision step needs, on the GPU: the
 * gradient is checked (norm, finiteness), unscaled, clipped, applied and zeroed, and the loss scale adapted, without the
 * host looking. In place, not on the tape. Call `checkGradient` with all pieces, then `applyOptimizer` for each range of
 * elements that has a rate.
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
import { FIXED_LENGTH, STATE_LENGTH } from './hyper';

/**
 * Norm and finiteness of the whole gradient, given in pieces [Pi], which carries `lossScale` [1], into `state` [8];
 * advances t there, and then adapts the scale for the next step. `hyper` as `packHyper` packs it.
 */
export function checkGradient(
  gradient: readonly TensorInfo[],
  hyper: TensorInfo,
  state: TensorInfo,
  lossScale: TensorInfo,
): void {
  requireSizes('checkGradient', hyper, state);
  if (sizeOf(lossScale) !== 1)
    throw new ShapeError(`checkGradient: lossScale is [${lossScale.shape}], not one number.`);
  const chunksOf = (piece: TensorInfo) => Math.min(1024, Math.ceil(sizeOf(piece) / (LANES * 16)));
  const chunks = gradient.reduce((sum, piece) => sum + chunksOf(piece), 0);
  const partials = allocate([chunks, 2]);
  let first = 0;
  for (const piece of gradient) {
    const [own, size] = [chunksOf(piece), sizeOf(piece)];
    const params = { size, stride: own * LANES, first };
    dispatch(partialNorms(), [piece, lossScale, partials], params, [own, 1, 1], 3 * size);
    first += own;
  }
  dispatch(reduceNorms(), [partials, hyper, state, lossScale], { chunks }, [1, 1, 1], 2 * chunks);
  tf.backend().disposeData(partials.dataId);
}

/**
 * Elements `from` to `to` of a piece, whose rate is `hyper`'s of that index. What no range names is left as it is, as
 * PyTorch leaves a parameter without a gradient: it does not decay either, and its gradient must be zero.
 */
export interface RatedRange {
  from: number;
  to: number;
  rate: number;
}

/** An optimizer: what it keeps of the past, and its step. */
interface Rule {
  /** Names, in its WGSL, of the flat tensors [P] that it keeps: one, or two. More need names in a saved state first. */
  readonly moments: readonly ['m'] | readonly ['m', 'v'];
  /** One element's step: changes theta[i] and the moments by the gradient `g` and the rate `lr`. */
  readonly wgsl: string;
}

/**
 * One step of `kind` over `range` of p [P] with the checked gradient [P], which is left zero there, and as many moments [P]
 * as it has. @throws ShapeError
 */
export function applyOptimizer(
  kind: OptimizerKind,
  p: TensorInfo,
  moments: readonly TensorInfo[],
  gradient: TensorInfo,
  hyper: TensorInfo,
  state: TensorInfo,
  { from, to, rate }: RatedRange,
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
  if (from < 0 || to > size || from >= to || FIXED_LENGTH + 2 * rate + 2 > sizeOf(hyper))
    throw new ShapeError(`${kind}: elements ${from} to ${to} of ${size} at rate ${rate} are not there.`);
  const groups = groups1d(Math.ceil((to - from) / LANES));
  dispatch(
    stepOf(kind, names, wgsl),
    [hyper, state, p, gradient, ...moments],
    { start: from, end: to, rate },
    groups,
    16 * (to - from),
  );
}

// ---------------------------------------------------------------------------------------------------------------

const LANES = 256;

/** Names for the words of `hyper` and `state` (hyper.ts has them in this order). */
const GROWTH_INTERVAL = 'hyper[0]';
const MAX_NORM = 'hyper[1]';
const BETA1 = 'hyper[2]';
const REST1 = 'hyper[3]';
const BETA2 = 'hyper[4]';
const REST2 = 'hyper[5]';
const LOG_BETA1 = 'hyper[6]';
const LOG_BETA2 = 'hyper[7]';
const EPS = 'hyper[8]';
const DECAY = 'hyper[9]';
const UPDATE = 'hyper[10]';

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
    params: { start: 'u32', end: 'u32', rate: 'u32' },
    wgsl: `
${LINEAR_GROUP}
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = p.start + linearGroup(wid, nwg) * ${LANES}u + lane;
  if (i >= p.end) { return; }
  let g = gradient[i] * state[2];
  gradient[i] = 0.0;
  if (state[1] != 0.0) { return; }
  // t counts this update already.
  let later = state[3] - 1.0 > ${UPDATE};
  let at = ${FIXED_LENGTH}u + 2u * p.rate;
  let lr = select(hyper[at], hyper[at + 1u], later);
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
    params: { size: 'u32', stride: 'u32', first: 'u32' },
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
  if (lane == 0u) { partials[p.first + wid.x] = sum; }
}`,
  }));
}

function reduceNorms() {
  const tier = reduceTier();
  return program(`gradientNorm.reduce/${tier.tag}`, () => ({
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
  const rates = sizeOf(hyper) - FIXED_LENGTH;
  if (rates < 2 || rates % 2 !== 0 || sizeOf(state) !== STATE_LENGTH) {
    throw new ShapeError(
      `${op}: hyper must have ${FIXED_LENGTH} elements and two a rate, and state ${STATE_LENGTH}; see hyper.ts.`,
    );
  }
}

function sizeOf(tensor: TensorInfo): number {
  return tensor.shape.reduce((product, n) => product * n, 1);
}
