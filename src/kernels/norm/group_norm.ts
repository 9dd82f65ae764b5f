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
import { defineKernel, sameAs } from '../kernel';
import { allocate, allocateActivation, dispatch, groups1d, isHalves } from '../program';
import { elementwise, ShapeError, type Elementwise } from '../pointwise/elementwise';
import type { Branched } from './layer_norm';
import {
  chunkGradients,
  chunkMoments,
  COLUMNS,
  gradientWhole,
  inputGradient,
  normalise,
  normaliseWhole,
  ROWS,
  WHOLE_LANES,
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
  requireSizes(x, gamma, beta, options);
  const attrs = { groups, eps, silu };
  const [y, stats] = shift
    ? shiftedKernel({ x, gamma, beta, shift }, attrs)
    : plainKernel({ x, gamma, beta }, attrs);
  // The tape, if it runs, has its own hold on the statistics.
  stats.dispose();
  return y;
}

/**
 * `groupNorm` of an x that also goes around it: `residual` is x itself, to be used in its place from here on. The two
 * gradients of x meet in the norm's own kernel. Under a tape both must be used.
 */
export function residualGroupNorm(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  options: Omit<GroupNormOptions, 'shift'>,
): Branched {
  const { groups, eps, silu = false } = options;
  requireSizes(x, gamma, beta, options);
  const [normed, stats, residual] = residualKernel({ x, gamma, beta }, { groups, eps, silu });
  stats.dispose();
  return { normed, residual };
}

// ---------------------------------------------------------------------------------------------------------------

interface Attrs {
  groups: number;
  eps: number;
  silu: boolean;
}

const plainKernel = variant('groupNorm', {});
const shiftedKernel = variant('groupNormShifted', { shift: true });
const residualKernel = variant('residualGroupNorm', { residual: true });

/** Outputs y, statistics, and with `residual` x itself. */
function variant(name: string, { shift = false, residual = false }) {
  const inputs = shift ? ['x', 'gamma', 'beta', 'shift'] : ['x', 'gamma', 'beta'];
  return defineKernel<Attrs>({
    name: `lora:${name}`,
    forward: (given, attrs) => [
      ...forward(given.x, given.gamma, given.beta, given.shift, attrs),
      ...(residual ? [sameAs(given.x)] : []),
    ],
    gradient: {
      saveInputs: inputs,
      saveOutputs: [false, true, false],
      backward: ([dy, , around], saved, attrs) => {
        const inputGradient = () => {
          const [x, gamma, beta] = saved as [Tensor, Tensor, Tensor];
          const stats = saved[saved.length - 1];
          const more = { shift: shift ? saved[3] : undefined, around: residual ? around : undefined };
          return backward(dy, x, gamma, beta, more, stats, attrs);
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
  const { batch, channels, elements } = sizes;
  const stats = allocate([batch, groups, 2]);
  const y = allocateActivation(x.shape);
  const given = [x, gamma, beta, ...(shift ? [shift] : [])];
  const whole = wholePlan(sizes);
  // A group's odd channel would share a word with its neighbour's.
  if (whole && (whole.width === 4 || !isHalves(y))) {
    const form = { width: whole.width, silu, shift: shift !== undefined };
    dispatch(
      normaliseWhole(form),
      [...given, y, stats],
      { ...whole.params, eps },
      whole.groups,
      13 * elements,
    );
    return [y, stats];
  }
  const form: Form = { width: sizes.width, silu, shift: shift !== undefined };
  const sums = sumPlan(sizes);
  const moments = allocate([batch, sums.params.chunks, 2, channels]);
  dispatch(chunkMoments(form.width), [x, moments], sums.params, sums.groups, 5 * elements);
  const map = mapPlan(sizes, sums.params);
  dispatch(normalise(form), [...given, moments, y, stats], { ...map.params, eps }, map.groups, 8 * elements);
  release(moments);
  return [y, stats];
}

function backward(
  dy: TensorInfo,
  x: TensorInfo,
  gamma: TensorInfo,
  beta: TensorInfo,
  { shift, around }: { shift: TensorInfo | undefined; around: TensorInfo | undefined },
  stats: TensorInfo,
  { groups, silu }: Attrs,
): TensorInfo {
  const sizes = sizesOf(x, groups);
  const { batch, channels, elements } = sizes;
  const more = { silu, shift: shift !== undefined };
  const inputs = [dy, x, gamma, ...(silu ? [beta] : []), ...(shift ? [shift] : []), stats];
  const last = around ? [around] : [];
  const residual = around !== undefined;
  const dx = allocate(x.shape);
  const whole = wholePlan(sizes);
  if (whole) {
    const form: Form = { width: whole.width, ...more, residual };
    dispatch(gradientWhole(form), [...inputs, ...last, dx], whole.params, whole.groups, 28 * elements);
    return dx;
  }
  const form: Form = { width: sizes.width, ...more };
  const tile = sumPlan(sizes);
  const sums = allocate([batch, tile.params.chunks, 2, channels]);
  dispatch(chunkGradients(form), [...inputs, sums], tile.params, tile.groups, 12 * elements);
  const map = mapPlan(sizes, tile.params);
  dispatch(
    inputGradient({ ...form, residual }),
    [...inputs, ...last, sums, dx],
    map.params,
    map.groups,
    16 * elements,
  );
  release(sums);
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
let chosenWhole: number | undefined;

/** How many workgroups a pass over x aims at, for tests and tuning; undefined chooses by adapter. */
export function setWorkgroupTarget(workgroups: number | undefined): void {
  chosenWorkgroups = workgroups;
}

/** The largest group, in units of its width, that a workgroup takes alone; for tests and tuning. */
export function setWholeUnits(units: number | undefined): void {
  chosenWhole = units;
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
 * Of a group that one workgroup takes alone: at most 20 units a thread. A multiprocessor then reads some 80 KB for itself, in
 * about the time that launching another pass takes; a larger group wants more of them. On a CPU, where a pass costs little, none:
 * measured, it takes 1.5 to 1.9 times as long there.
 */
const WHOLE_UNITS = 20 * WHOLE_LANES;

function wholePlan({ batch, rows, channels, groups }: Sizes) {
  const perGroup = channels / groups;
  const width: 1 | 4 = perGroup % 4 ? 1 : 4;
  const perUnit = perGroup / width;
  const units = rows * perUnit;
  const most = gpu().software ? 0 : WHOLE_UNITS;
  if (units > (chosenWhole ?? most)) return undefined;
  const count = batch * groups;
  const params = { columns: channels / width, rows, perUnit, units, groups, count };
  return { width, params, groups: groups1d(count) };
}

/**
 * How N is cut into chunks for sums: enough workgroups to keep a large GPU's memory busy (a CPU wants fewer), enough rows in
 * each that the prologue is worth it, and at most 64 chunks, since every workgroup of the next pass reads them all.
 */
function sumPlan(sizes: Sizes) {
  const most = Math.min(64, Math.ceil(sizes.rows / (ROWS * 8)));
  return cut(sizes, most, chosenWorkgroups ?? (gpu().software ? 32 : 256));
}

/** And for the pass that reads those sums: with rows enough that this is not the most of what it reads. */
function mapPlan(sizes: Sizes, sums: { chunks: number; perChunk: number }) {
  const most = Math.min(65535, Math.ceil(sizes.rows / Math.max(ROWS, 2 * sums.chunks)));
  const { params, groups } = cut(sizes, most, chosenWorkgroups ?? (gpu().software ? 32 : 1024));
  const { channels, width } = sizes;
  const span = COLUMNS * width;
  const perGroup = params.perGroup;
  // As many groups as have a channel among a workgroup's, wherever it begins; to each a power of two of threads.
  const touched = Math.min(span, Math.floor((span - 2) / perGroup) + 2);
  const lanes = 2 ** Math.floor(Math.log2((COLUMNS * ROWS) / touched));
  return {
    params: { ...params, channels, sumChunks: sums.chunks, perSum: sums.perChunk, lanes },
    groups,
  };
}

function cut({ batch, rows, channels, groups, width }: Sizes, most: number, wanted: number) {
  const columns = channels / width;
  const across = Math.ceil(columns / COLUMNS);
  const perChunk = Math.ceil(rows / Math.max(1, Math.min(most, Math.ceil(wanted / (across * batch)))));
  const chunks = Math.ceil(rows / perChunk);
  const params = { columns, rows, perChunk, perGroup: channels / groups, groups, chunks };
  return { params, groups: [across, chunks, batch] as const };
}

function requireSizes(x: Tensor, gamma: Tensor, beta: Tensor, { groups, shift }: GroupNormOptions): void {
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
}

/** Temporaries of a kernel are unknown to the engine's scopes: handed back to the backend directly. */
function release(...temporaries: TensorInfo[]): void {
  for (const { dataId } of temporaries) tf.backend().disposeData(dataId);
}
