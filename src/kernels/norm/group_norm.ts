/**
 * Group normalisation (Wu & He 2018), with the two neighbours it has in the UNet's residual blocks fused in: a shift
 * for each batch and channel added before it (the time embedding), and SiLU after it.
 *
 *   z = gamma (x + shift - mean_g) / sqrt(var_g + eps) + beta,   y = silu(z) or z
 *
 * over the groups g of C / groups channels and all pixels of one batch; var is the biased variance. Statistics in f32,
 * centred before they are squared. Backward recomputes z from x and the kept statistics: nothing of x's size is saved
 * but x. Gradients for x and for the shift, which is the sum of x's over the pixels (text that is pooled into the time
 * embedding wants it); gamma and beta are frozen, asking for theirs throws.
 * Tolerance: 2e-6 relative to float64 (f32 roundings), plus |mean| / deviation roundings of x itself.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor, TensorInfo } from '@tensorflow/tfjs';
import { gpu } from '../device';
import { defineKernel } from '../kernel';
import { allocate, dispatch, groups1d } from '../program';
import { elementwise, ShapeError, type Elementwise } from '../pointwise/elementwise';
import {
  chunkGradients,
  chunkMoments,
  COLUMNS,
  groupGradients,
  groupMoments,
  inputGradient,
  normalise,
  ROWS,
  type Form,
} from './group_norm.wgsl';

export interface GroupNormOptions {
  /** How many groups; must divide C. 32 in Stable Diffusion. */
  groups: number;
  eps: number;
  /** Applies SiLU to the result. */
  silu?: boolean;
  /** [B, C], added to x first. */
  shift?: Tensor;
}

/** x [B, H, W, C] or [B, N, C], gamma and beta [C] -> the shape of x. Throws `ShapeError`. */
export function groupNorm(x: Tensor, gamma: Tensor, beta: Tensor, options: GroupNormOptions): Tensor {
  const { groups, eps, silu = false, shift } = options;
  const channels = x.shape[x.rank - 1];
  if (x.rank < 2 || channels % groups || gamma.size !== channels || beta.size !== channels) {
    throw new ShapeError(
      `groupNorm: x [${x.shape}] in ${groups} groups with gamma [${gamma.shape}] and beta [${beta.shape}]: ` +
        'the last extent must be a multiple of the groups and the length of gamma and beta.',
    );
  }
  if (shift && shift.size !== x.shape[0] * channels) {
    throw new ShapeError(
      `groupNorm: x [${x.shape}] needs a shift of [${x.shape[0]}, ${channels}], not [${shift.shape}].`,
    );
  }
  const attrs = { groups, eps, silu };
  const [y, stats] = shift
    ? shiftedKernel({ x, gamma, beta, shift }, attrs)
    : plainKernel({ x, gamma, beta }, attrs);
  // The tape, if it runs, has its own hold on the statistics.
  stats.dispose();
  return y;
}

// ---------------------------------------------------------------------------------------------------------------

interface Attrs {
  groups: number;
  eps: number;
  silu: boolean;
}

const plainKernel = variant(false);
const shiftedKernel = variant(true);

function variant(shift: boolean) {
  const inputs = shift ? ['x', 'gamma', 'beta', 'shift'] : ['x', 'gamma', 'beta'];
  return defineKernel<Attrs>({
    name: shift ? 'lora:groupNormShifted' : 'lora:groupNorm',
    forward: (given, attrs) => forward(given.x, given.gamma, given.beta, given.shift, attrs),
    gradient: {
      saveInputs: inputs,
      saveOutputs: [false, true],
      backward: ([dy], saved, attrs) => {
        const inputGradient = () => {
          const [x, gamma, beta] = saved as [Tensor, Tensor, Tensor];
          const stats = saved[saved.length - 1];
          return backward(dy, x, gamma, beta, shift ? saved[3] : undefined, stats, attrs);
        };
        let known: TensorInfo | undefined;
        return {
          x: () => tf.engine().makeTensorFromTensorInfo((known ??= inputGradient())),
          ...(shift
            ? {
                shift: () => {
                  // The tape asks for x's first, and holds it until this one is done.
                  const dx = known ?? inputGradient();
                  const sums = pixelSums(dx);
                  if (!known) release(dx);
                  return tf.engine().makeTensorFromTensorInfo(sums);
                },
              }
            : {}),
        };
      },
    },
  });
}

function forward(
  x: TensorInfo,
  gamma: TensorInfo,
  beta: TensorInfo,
  shift: TensorInfo | undefined,
  { groups, eps, silu }: Attrs,
): TensorInfo[] {
  const sizes = sizesOf(x, groups);
  const { batch, channels, width, elements } = sizes;
  const sums = plan(sizes, 'sums');
  const means = allocate([batch, sums.params.chunks, channels]);
  const squares = allocate([batch, sums.params.chunks, channels]);
  const stats = allocate([batch, groups, 2]);
  const y = allocate(x.shape);
  const count = batch * groups;
  dispatch(chunkMoments(width), [x, means, squares], sums.params, sums.groups, 5 * elements);
  dispatch(
    groupMoments(shift !== undefined),
    [means, squares, ...(shift ? [shift] : []), stats],
    { ...sums.params, channels, count, eps },
    groups1d(count),
  );
  const map = plan(sizes, 'map');
  dispatch(
    normalise({ width, silu, shift: shift !== undefined }),
    [x, gamma, beta, ...(shift ? [shift] : []), stats, y],
    map.params,
    map.groups,
    8 * elements,
  );
  release(means, squares);
  return [y, stats];
}

function backward(
  dy: TensorInfo,
  x: TensorInfo,
  gamma: TensorInfo,
  beta: TensorInfo,
  shift: TensorInfo | undefined,
  stats: TensorInfo,
  { groups, silu }: Attrs,
): TensorInfo {
  const sizes = sizesOf(x, groups);
  const { batch, channels, width, elements } = sizes;
  const form: Form = { width, silu, shift: shift !== undefined };
  const inputs = [dy, x, gamma, ...(silu ? [beta] : []), ...(shift ? [shift] : []), stats];
  const tile = plan(sizes, 'sums');
  const sums = allocate([batch, tile.params.chunks, channels]);
  const products = allocate([batch, tile.params.chunks, channels]);
  const means = allocate([batch, groups, 2]);
  const dx = allocate(x.shape);
  const count = batch * groups;
  dispatch(chunkGradients(form), [...inputs, sums, products], tile.params, tile.groups, 12 * elements);
  dispatch(
    groupGradients(),
    [sums, products, gamma, means],
    { ...tile.params, channels, count },
    groups1d(count),
  );
  const map = plan(sizes, 'map');
  dispatch(inputGradient(form), [...inputs, means, dx], map.params, map.groups, 16 * elements);
  release(sums, products, means);
  return dx;
}

const PIXEL_SUMS: Elementwise = {
  name: 'pixelSums',
  inputs: ['x'],
  value: `
    let batch = i / p.columns;
    let c = i % p.columns;
    var sum = T(0.0);
    for (var n = 0u; n < p.rows; n++) { sum += x[(batch * p.rows + n) * p.columns + c]; }
    return sum;`,
  params: { columns: 'u32', rows: 'u32' },
};

/** x [B, ..., C] -> [B, C]: a loop a channel, in f32. */
function pixelSums(x: TensorInfo): TensorInfo {
  const [batch, channels] = [x.shape[0], x.shape[x.shape.length - 1]];
  const rows = x.shape.reduce((product, n) => product * n, 1) / (batch * channels);
  return elementwise(
    PIXEL_SUMS,
    [x],
    [batch, channels],
    (width) => ({ columns: channels / width, rows }),
    channels,
  );
}

let chosenWorkgroups: number | undefined;

/** How many workgroups a pass over x aims at, for tests and tuning; undefined chooses by adapter. */
export function setWorkgroupTarget(workgroups: number | undefined): void {
  chosenWorkgroups = workgroups;
}

interface Sizes {
  batch: number;
  rows: number;
  channels: number;
  groups: number;
  width: 1 | 4;
  elements: number;
}

function sizesOf(x: TensorInfo, groups: number): Sizes {
  const batch = x.shape[0];
  const channels = x.shape[x.shape.length - 1];
  const elements = x.shape.reduce((product, n) => product * n, 1);
  return {
    batch,
    rows: elements / (batch * channels),
    channels,
    groups,
    width: channels % 4 ? 1 : 4,
    elements,
  };
}

/**
 * How N is cut into chunks: enough workgroups to fill a large GPU (a CPU wants fewer), enough rows in each that the
 * prologue is worth it, and for sums at most 256 chunks, since the second pass reads them with few threads.
 */
function plan({ batch, rows, channels, groups, width }: Sizes, purpose: 'sums' | 'map') {
  const columns = channels / width;
  const across = Math.ceil(columns / COLUMNS);
  const wanted = chosenWorkgroups ?? (gpu().software ? 32 : 1024);
  const most = Math.ceil(rows / (ROWS * (purpose === 'sums' ? 8 : 1)));
  const target = Math.min(most, Math.ceil(wanted / (across * batch)));
  const chunkCount = Math.max(1, Math.min(target, purpose === 'sums' ? 256 : 65535));
  const perChunk = Math.ceil(rows / chunkCount);
  const chunks = Math.ceil(rows / perChunk);
  const params = { columns, rows, perChunk, perGroup: channels / groups, groups, chunks };
  return { params, groups: [across, chunks, batch] as const };
}

/** Temporaries of a kernel are unknown to the engine's scopes: handed back to the backend directly. */
function release(...temporaries: TensorInfo[]): void {
  for (const { dataId } of temporaries) tf.backend().disposeData(dataId);
}
