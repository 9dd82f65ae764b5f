/**
 * The loss and the mixtures around it. Plain dispatches, not known to the tape: the step starts from `dPred`.
 *
 *   weightedMse         loss = mean_b( weight_b mean_CHW (pred - target)^2 )
 *                       dPred = lossScale dloss/dpred = lossScale 2 weight_b (pred - target) / (B C H W)
 *   addLoss             total += loss: over the passes of a step
 *   linearCombination   y = c_b0 a + c_b1 b: the noisy latents sqrt(abar) x0 + sqrt(1 - abar) eps (Ho et al. 2020),
 *                       the velocity sqrt(abar) eps - sqrt(1 - abar) x0 (Salimans & Ho 2022)
 *   combine             y = c_0 x_0 + c_1 x_1 + ...: one step of a linear sampler
 *   guide               y = u + s (c - u): classifier-free guidance (Ho & Salimans 2021)
 *
 * All f32, all factors read from tensors, so that a recorded step can be replayed with others. The loss is summed in a
 * fixed order. Tolerance: 1e-6 relative to float64 for the loss (sums of up to 2^16 squares), 3e-7 for the rest.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor, TensorInfo } from '@tensorflow/tfjs';
import { allocate, dispatch, program, type Program } from '../program';
import { blockSum, reduceTier } from '../norm/reduce';
import { elementwise, requireSameShape, ShapeError, type Elementwise } from '../pointwise/elementwise';

/**
 * pred and target [B, ...], weights [B], lossScale [1] -> the loss [1], without the scale, and dPred of pred's shape,
 * with it. The caller's scope owns both.
 */
export function weightedMse(
  pred: Tensor,
  target: Tensor,
  weights: Tensor,
  lossScale: Tensor,
): { loss: Tensor; dPred: Tensor } {
  requireSameShape('weightedMse (pred, target)', pred.shape, target.shape);
  const batch = pred.shape[0];
  if (weights.size !== batch || lossScale.size !== 1) {
    throw new ShapeError(
      `weightedMse: pred [${pred.shape}] needs ${batch} weights and 1 scale, not ${weights.size} and ${lossScale.size}.`,
    );
  }
  const count = pred.size / batch;
  const chunks = Math.ceil(count / CHUNK);
  const dPred = allocate(pred.shape);
  const partials = allocate([batch, chunks]);
  const loss = allocate([1]);
  const params = { count, chunks, batch };
  dispatch(
    squares(),
    [pred, target, weights, lossScale, dPred, partials],
    params,
    [chunks, batch, 1],
    6 * pred.size,
  );
  dispatch(total(), [partials, weights, loss], params, [1, 1, 1], 2 * batch * chunks);
  tf.backend().disposeData(partials.dataId);
  return { loss: owned(loss), dPred: owned(dPred) };
}

/** total [1] += loss [1]. */
export function addLoss(total: TensorInfo, loss: TensorInfo): void {
  dispatch(
    program('addLoss', () => ({
      inputs: { loss: 'f32' },
      outputs: { total: 'f32' },
      wgsl: '@compute @workgroup_size(1) fn main() { total[0] += loss[0]; }',
    })),
    [loss, total],
    {},
    [1, 1, 1],
    1,
  );
}

/** a and b [B, ...], coefs [B, 2] -> coefs[b, 0] a + coefs[b, 1] b. */
export function linearCombination(a: Tensor, b: Tensor, coefs: Tensor): Tensor {
  requireSameShape('linearCombination', a.shape, b.shape);
  const batch = a.shape[0];
  requireSameShape('linearCombination (coefs)', coefs.shape, [batch, 2]);
  const perBatch = a.size / batch;
  const params = (width: number) => ({ perBatch: perBatch / width });
  return owned(elementwise(LINEAR_COMBINATION, [a, b, coefs], a.shape, params, perBatch));
}

/** One to four tensors of one shape, coefs [4] -> their sum, each times its coefficient. */
export function combine(xs: readonly Tensor[], coefs: Tensor): Tensor {
  if (xs.length < 1 || xs.length > 4 || coefs.size !== 4) {
    throw new ShapeError(
      `combine: 1 to 4 tensors and 4 coefficients are wanted, not ${xs.length} and ${coefs.size}.`,
    );
  }
  for (const x of xs) requireSameShape('combine', x.shape, xs[0].shape);
  return owned(elementwise(combineOp(xs.length), [...xs, coefs], xs[0].shape));
}

/** both [2B, ...]: first B predictions without the prompt, then B with it; strength [1] -> [B, ...]. */
export function guide(both: Tensor, strength: Tensor): Tensor {
  const [batch, ...rest] = both.shape;
  if (batch % 2 || strength.size !== 1) {
    throw new ShapeError(
      `guide: [${both.shape}] must be two equal halves, and the strength one number, not ${strength.size}.`,
    );
  }
  const half = both.size / 2;
  return owned(
    elementwise(GUIDE, [both, strength], [batch / 2, ...rest], (width) => ({ half: half / width }), half),
  );
}

// ---------------------------------------------------------------------------------------------------------------

/** Elements of one batch that a workgroup of 256 takes. */
const CHUNK = 2048;

function squares(): Program {
  const tier = reduceTier();
  return program(`weightedMse/${tier.tag}`, () => ({
    inputs: { pred: 'f32', goal: 'f32', weights: 'f32', lossScale: 'f32' },
    outputs: { dPred: 'f32', partials: 'f32' },
    params: { count: 'u32', chunks: 'u32', batch: 'u32' },
    subgroups: tier.subgroups,
    wgsl: `
${blockSum(256)}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let b = wid.y;
  let last = min(p.count, (wid.x + 1u) * ${CHUNK}u);
  // In this order nothing overflows that the scaled gradient itself does not.
  let factor = 2.0 * weights[b] / (f32(p.batch) * f32(p.count)) * lossScale[0];
  var sum = 0.0;
  for (var i = wid.x * ${CHUNK}u + lane; i < last; i += 256u) {
    let at = b * p.count + i;
    let d = pred[at] - goal[at];
    dPred[at] = factor * d;
    sum += d * d;
  }
  let whole = blockSum(vec2<f32>(sum, 0.0), lane).x;
  if (lane == 0u) { partials[b * p.chunks + wid.x] = whole; }
}`,
  }));
}

function total(): Program {
  const tier = reduceTier();
  return program(`weightedMse.total/${tier.tag}`, () => ({
    inputs: { partials: 'f32', weights: 'f32' },
    outputs: { loss: 'f32' },
    params: { count: 'u32', chunks: 'u32', batch: 'u32' },
    subgroups: tier.subgroups,
    wgsl: `
${blockSum(256)}
@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < p.batch * p.chunks; i += 256u) {
    sum += weights[i / p.chunks] * (partials[i] / f32(p.count));
  }
  let whole = blockSum(vec2<f32>(sum, 0.0), lane).x;
  if (lane == 0u) { loss[0] = whole / f32(p.batch); }
}`,
  }));
}

const LINEAR_COMBINATION: Elementwise = {
  name: 'linearCombination',
  inputs: ['a', 'b', 'coefs: f32'],
  value: 'let k = i / p.perBatch; return coefs[2u * k] * a[i] + coefs[2u * k + 1u] * b[i];',
  params: { perBatch: 'u32' },
};

const GUIDE: Elementwise = {
  name: 'guide',
  inputs: ['both', 'strength: f32'],
  value: 'both[i] + strength[0] * (both[i + p.half] - both[i])',
  params: { half: 'u32' },
};

function combineOp(count: number): Elementwise {
  const terms = Array.from({ length: count }, (_, k) => `coefs[${k}] * x${k}[i]`);
  return {
    name: `combine/${count}`,
    inputs: [...terms.map((_, k) => `x${k}`), 'coefs: f32'],
    value: terms.join(' + '),
  };
}

function owned(info: TensorInfo): Tensor {
  return tf.engine().makeTensorFromTensorInfo(info);
}
