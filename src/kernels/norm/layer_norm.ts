/**
 * Layer normalisation (Ba, Kiros & Hinton 2016) over the last extent.
 *
 *   y = gamma (x - mean) / sqrt(var + eps) + beta
 *
 * On a GPU a workgroup takes a row, on a CPU (where barriers are dear) a lane does; statistics in f32, centred before they are squared, the mean summed as differences from the
 * row's first element. Gradient for x only (gamma and beta are frozen):
 *   dx = (g - mean(g) - xhat mean(g xhat)) / sqrt(var + eps),   g = gamma dy,
 * plus, where x goes around the norm too, the gradient from there.
 * Tolerance: 2e-6 relative to float64 (f32 roundings).
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor, TensorInfo } from '@tensorflow/tfjs';
import { gpu } from '../device';
import { defineKernel, sameAs } from '../kernel';
import {
  allocate,
  allocateActivation,
  dispatch,
  groups1d,
  LINEAR_GROUP,
  program,
  type Program,
} from '../program';
import { ShapeError } from '../pointwise/elementwise';
import { blockSum, reduceTier } from './reduce';

/** x [..., C], gamma and beta [C] -> the shape of x. Throws `ShapeError`. */
export function layerNorm(x: Tensor, gamma: Tensor, beta: Tensor, eps: number): Tensor {
  requireLength(x, gamma, beta);
  const [y, stats] = kernel({ x, gamma, beta }, { eps });
  stats.dispose();
  return y;
}

/**
 * `layerNorm` of an x that also goes around it: `residual` is x itself, to be used in its place from here on. The two
 * gradients of x meet in the norm's own kernel. Under a tape both must be used.
 */
export function residualLayerNorm(x: Tensor, gamma: Tensor, beta: Tensor, eps: number): Branched {
  requireLength(x, gamma, beta);
  const [normed, stats, residual] = residualKernel({ x, gamma, beta }, { eps });
  stats.dispose();
  return { normed, residual };
}

/** What a norm made of x, and x. */
export interface Branched {
  normed: Tensor;
  residual: Tensor;
}

// ---------------------------------------------------------------------------------------------------------------

const LANES = 64;

let chosenRowLanes: 1 | 64 | undefined;

/** Lanes that share a row, for tests and tuning; undefined chooses by adapter. */
export function setRowLanes(lanes: 1 | 64 | undefined): void {
  chosenRowLanes = lanes;
}

function rowLanes(): 1 | 64 {
  return chosenRowLanes ?? (gpu().software ? 1 : LANES);
}

function groupsFor(rows: number): [number, number, number] {
  return groups1d(Math.ceil((rows * rowLanes()) / LANES));
}

/** What tells the programs apart. */
function form(width: 1 | 4): { tag: string; subgroups: boolean } {
  if (rowLanes() === 1) return { tag: `${width}/lane`, subgroups: false };
  const tier = reduceTier();
  return { tag: `${width}/${tier.tag}`, subgroups: tier.subgroups };
}

const kernel = variant(false);
const residualKernel = variant(true);

/** Outputs y, statistics, and with `residual` x itself. */
function variant(residual: boolean) {
  return defineKernel<{ eps: number }>({
    name: residual ? 'lora:residualLayerNorm' : 'lora:layerNorm',
    forward: ({ x, gamma, beta }, { eps }) => {
      const { rows, columns, channels, width } = sizesOf(x);
      const y = allocateActivation(x.shape);
      const stats = allocate([rows, 2]);
      dispatch(
        normaliseRows(width),
        [x, gamma, beta, y, stats],
        { rows, columns, channels, eps },
        groupsFor(rows),
        8 * rows * channels,
      );
      return [y, stats, ...(residual ? [sameAs(x)] : [])];
    },
    gradient: {
      saveInputs: ['x', 'gamma'],
      saveOutputs: [false, true, false],
      backward: ([dy, , around], saved) => ({
        x: () => {
          const [x, gamma, stats] = saved as [Tensor, Tensor, Tensor];
          const { rows, columns, channels, width } = sizesOf(x);
          const dx = allocate(x.shape);
          dispatch(
            rowGradients(width, residual),
            [dy, x, gamma, stats, ...(residual ? [around] : []), dx],
            { rows, columns, channels },
            groupsFor(rows),
            12 * rows * channels,
          );
          return tf.engine().makeTensorFromTensorInfo(dx);
        },
      }),
    },
  });
}

const head = (width: number) => `
alias T = ${width === 4 ? 'vec4<f32>' : 'f32'};
${LINEAR_GROUP}
${rowLanes() === 1 ? 'fn blockSum(v: vec2<f32>, lane: u32) -> vec2<f32> { return v; }' : blockSum(LANES)}
fn total(v: T) -> f32 { return ${width === 4 ? 'dot(v, T(1.0))' : 'v'}; }
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) index: u32) {
  let row = ${rowLanes() === 1 ? `linearGroup(wid, nwg) * ${LANES}u + index` : 'linearGroup(wid, nwg)'};
  let lane = ${rowLanes() === 1 ? '0u' : 'index'};
  if (row >= p.rows) { return; }
  let base = row * p.columns;`;

function normaliseRows(width: 1 | 4): Program {
  const T = width === 4 ? 'vec4<f32>' : 'f32';
  const { tag, subgroups } = form(width);
  return program(`layerNorm/${tag}`, () => ({
    inputs: { x: T, gamma: T, beta: T },
    outputs: { y: T, stats: 'vec2<f32>' },
    params: { rows: 'u32', columns: 'u32', channels: 'u32', eps: 'f32' },
    subgroups,
    wgsl: `${head(width)}
  let anchor = read_x(base)${width === 4 ? '.x' : ''};
  var sum = T(0.0);
  for (var c = lane; c < p.columns; c += ${rowLanes()}u) { sum += read_x(base + c) - anchor; }
  let mean = anchor + blockSum(vec2<f32>(total(sum), 0.0), lane).x / f32(p.channels);
  var square = T(0.0);
  for (var c = lane; c < p.columns; c += ${rowLanes()}u) { let d = read_x(base + c) - mean; square += d * d; }
  let rstd = 1.0 / sqrt(blockSum(vec2<f32>(total(square), 0.0), lane).x / f32(p.channels) + p.eps);
  for (var c = lane; c < p.columns; c += ${rowLanes()}u) {
    write_y(base + c, (read_x(base + c) - mean) * rstd * gamma[c] + beta[c]);
  }
  if (lane == 0u) { stats[row] = vec2<f32>(mean, rstd); }
}`,
  }));
}

function rowGradients(width: 1 | 4, residual: boolean): Program {
  const T = width === 4 ? 'vec4<f32>' : 'f32';
  const { tag, subgroups } = form(width);
  return program(`layerNormGradient/${tag}${residual ? '/residual' : ''}`, () => ({
    inputs: { dy: T, x: T, gamma: T, stats: 'vec2<f32>', ...(residual ? { around: T } : {}) },
    outputs: { dx: T },
    params: { rows: 'u32', columns: 'u32', channels: 'u32' },
    subgroups,
    wgsl: `${head(width)}
  let mean = stats[row].x;
  let rstd = stats[row].y;
  var sum = T(0.0);
  var product = T(0.0);
  for (var c = lane; c < p.columns; c += ${rowLanes()}u) {
    let g = gamma[c] * dy[base + c];
    sum += g;
    product += g * ((read_x(base + c) - mean) * rstd);
  }
  let means = blockSum(vec2<f32>(total(sum), total(product)), lane) / f32(p.channels);
  for (var c = lane; c < p.columns; c += ${rowLanes()}u) {
    let xhat = (read_x(base + c) - mean) * rstd;
    dx[base + c] = rstd * (gamma[c] * dy[base + c] - means.x - xhat * means.y)${residual ? ' + around[base + c]' : ''};
  }
}`,
  }));
}

function requireLength(x: Tensor, gamma: Tensor, beta: Tensor): void {
  const channels = x.shape[x.rank - 1];
  if (x.rank < 1 || gamma.size !== channels || beta.size !== channels) {
    throw new ShapeError(
      `layerNorm: x [${x.shape}] needs gamma and beta of length ${channels}, not [${gamma.shape}] and [${beta.shape}].`,
    );
  }
}

function sizesOf(x: TensorInfo) {
  const channels = x.shape[x.shape.length - 1];
  const rows = x.shape.reduce((product, n) => product * n, 1) / channels;
  const width: 1 | 4 = channels % 4 ? 1 : 4;
  return { rows, columns: channels / width, channels, width };
}
