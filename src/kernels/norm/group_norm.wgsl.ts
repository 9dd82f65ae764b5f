/**
 * The five passes of group normalisation over x [B, N, C]. Passes over x run as tiles of 16 x 16 threads: 16 columns
 * of `T` (f32, or vec4 where C allows), neighbours in memory, times 16 rows that step through a chunk of N. Channels
 * are reduced one by one; only the small second pass knows about groups, so that a group's width need not divide
 * anything. Every sum has a fixed order. Long because the passes share their tile, in two widths and four variants.
 */
import { LINEAR_GROUP, program, type Program } from '../program';
import { SIGMOID_WGSL } from '../pointwise/pointwise';
import { blockSum, reduceTier } from './reduce';

export interface Form {
  width: 1 | 4;
  silu: boolean;
  shift: boolean;
}

export const COLUMNS = 16;
export const ROWS = 16;

/** Shared by the tiled passes: who am I. `columns` = C / W; `perChunk` rows a chunk; workgroups are (columns, chunks, B). */
const TILE = (width: number) => `
alias T = ${width === 4 ? 'vec4<f32>' : 'f32'};
const W = ${width}u;
fn groupOf(channel: u32) -> u32 { return channel / p.perGroup; }
`;

const MAIN = `
@compute @workgroup_size(${COLUMNS}, ${ROWS})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_id) lid: vec3<u32>) {
  let column = wid.x * ${COLUMNS}u + lid.x;
  let live = column < p.columns;
  let b = wid.z;
  let first = wid.y * p.perChunk;
  let last = min(first + p.perChunk, p.rows);
  let base = b * p.rows * p.columns + column;`;

const TILE_PARAMS = {
  columns: 'u32',
  rows: 'u32',
  perChunk: 'u32',
  perGroup: 'u32',
  groups: 'u32',
  chunks: 'u32',
} as const;

/** A statistic of the group of each of the W channels in a column. */
const perColumn = (width: number, field: string) =>
  width === 4
    ? `vec4<f32>(${[0, 1, 2, 3].map((k) => `stats[b * p.groups + groupOf(column * 4u + ${k}u)].${field}`).join(', ')})`
    : `stats[b * p.groups + groupOf(column)].${field}`;

/**
 * Pass 1: mean and sum of squared deviations of each channel over each chunk. Eight rows at a time are loaded, their
 * own mean taken out, and the result merged (Chan et al. 1983), so that a mean far above the deviation costs nothing.
 */
export function chunkMoments(width: 1 | 4): Program {
  return program(`groupNorm.chunkMoments/${width}`, () => ({
    inputs: { x: width === 4 ? 'vec4<f32>' : 'f32' },
    outputs: { means: width === 4 ? 'vec4<f32>' : 'f32', squares: width === 4 ? 'vec4<f32>' : 'f32' },
    params: TILE_PARAMS,
    wgsl: `${TILE(width)}
var<workgroup> tileMean: array<T, ${COLUMNS * ROWS}>;
var<workgroup> tileSquare: array<T, ${COLUMNS * ROWS}>;
var<workgroup> tileCount: array<f32, ${ROWS}>;
${MAIN}
  var n = 0.0;
  var mean = T(0.0);
  var square = T(0.0);
  if (live) {
    for (var row = first + lid.y; row < last; row += ${8 * ROWS}u) {
      var v: array<T, 8>;
      var k = 0.0;
      var sum = T(0.0);
      for (var j = 0u; j < 8u; j++) {
        let r = row + j * ${ROWS}u;
        if (r < last) { v[j] = x[base + r * p.columns]; sum += v[j] - v[0]; k += 1.0; }
      }
      let m = v[0] + sum / k;
      var s = T(0.0);
      for (var j = 0u; j < 8u; j++) {
        if (row + j * ${ROWS}u < last) { let d = v[j] - m; s += d * d; }
      }
      let d = m - mean;
      let total = n + k;
      mean += d * (k / total);
      square += s + d * d * (n * k / total);
      n = total;
    }
  }
  let at = lid.y * ${COLUMNS}u + lid.x;
  tileMean[at] = mean;
  tileSquare[at] = square;
  // The tile's first column is always live: its counts hold for all.
  if (lid.x == 0u) { tileCount[lid.y] = n; }
  workgroupBarrier();
  for (var step = ${ROWS / 2}u; step > 0u; step >>= 1u) {
    if (lid.y < step) {
      let other = at + step * ${COLUMNS}u;
      let na = tileCount[lid.y];
      let nb = tileCount[lid.y + step];
      let total = max(na + nb, 1.0);
      let d = tileMean[other] - tileMean[at];
      tileMean[at] += d * (nb / total);
      tileSquare[at] += tileSquare[other] + d * d * (na * nb / total);
    }
    workgroupBarrier();
    if (lid.y < step && lid.x == 0u) { tileCount[lid.y] += tileCount[lid.y + step]; }
    workgroupBarrier();
  }
  if (live && lid.y == 0u) {
    let o = (b * p.chunks + wid.y) * p.columns + column;
    means[o] = tileMean[at];
    squares[o] = tileSquare[at];
  }
}`,
  }));
}

/** Pass 2: one workgroup a group merges the chunks of its channels into [mean, 1 / deviation]. A shift enters here. */
export function groupMoments(shift: boolean): Program {
  const tier = reduceTier();
  return program(`groupNorm.groupMoments/${shift ? 'shift/' : ''}${tier.tag}`, () => ({
    inputs: { means: 'f32', squares: 'f32', ...(shift ? { shift: 'f32' as const } : {}) },
    outputs: { stats: 'vec2<f32>' },
    params: { ...TILE_PARAMS, channels: 'u32', count: 'u32', eps: 'f32' },
    subgroups: tier.subgroups,
    wgsl: `
${LINEAR_GROUP}
${blockSum(64)}
fn rowsIn(chunk: u32) -> f32 { return f32(min(p.perChunk, p.rows - chunk * p.perChunk)); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let bg = linearGroup(wid, nwg);
  if (bg >= p.count) { return; }
  let b = bg / p.groups;
  let firstChannel = bg % p.groups * p.perGroup;
  let items = p.chunks * p.perGroup;
  let start = b * p.chunks * p.channels + firstChannel;
  // Means are summed as differences from one of them: their common part would drown the rest.
  let anchor = means[start]${shift ? ' + shift[b * p.channels + firstChannel]' : ''};
  var sum = 0.0;
  for (var i = lane; i < items; i += 64u) {
    let c = i % p.perGroup;
    let mean = means[start + i / p.perGroup * p.channels + c]${shift ? ' + shift[b * p.channels + firstChannel + c]' : ''};
    sum += rowsIn(i / p.perGroup) * (mean - anchor);
  }
  let size = f32(p.rows * p.perGroup);
  let mean = anchor + blockSum(vec2<f32>(sum, 0.0), lane).x / size;
  var square = 0.0;
  for (var i = lane; i < items; i += 64u) {
    let c = i % p.perGroup;
    let at = start + i / p.perGroup * p.channels + c;
    let d = means[at]${shift ? ' + shift[b * p.channels + firstChannel + c]' : ''} - mean;
    square += squares[at] + rowsIn(i / p.perGroup) * d * d;
  }
  let variance = blockSum(vec2<f32>(square, 0.0), lane).x / size;
  if (lane == 0u) { stats[bg] = vec2<f32>(mean, 1.0 / sqrt(variance + p.eps)); }
}`,
  }));
}

/** Pass 3: y = silu?((x + shift - mean) / deviation * gamma + beta). */
export function normalise({ width, silu, shift }: Form): Program {
  const T = width === 4 ? 'vec4<f32>' : 'f32';
  return program(`groupNorm.normalise/${width}${silu ? '/silu' : ''}${shift ? '/shift' : ''}`, () => ({
    inputs: { x: T, gamma: T, beta: T, ...(shift ? { shift: T } : {}), stats: 'vec2<f32>' },
    outputs: { y: T },
    params: TILE_PARAMS,
    wgsl: `${TILE(width)}${SIGMOID_WGSL}${MAIN}
  if (!live) { return; }
  let mean = ${perColumn(width, 'x')};
  let rstd = ${perColumn(width, 'y')};
  let g = gamma[column];
  let o = beta[column];
  let add = ${shift ? 'shift[b * p.columns + column]' : 'T(0.0)'};
  for (var row = first + lid.y; row < last; row += ${ROWS}u) {
    let at = base + row * p.columns;
    let z = (x[at] + add - mean) * rstd * g + o;
    y[at] = ${silu ? 'z * sigmoid(z)' : 'z'};
  }
}`,
  }));
}

/** WGSL that both backward passes share: dz (the gradient before SiLU) and xhat at an element. */
const backwardAt = ({ silu }: Form) => `
    let xhat = (x[at] + add - mean) * rstd;
    ${
      silu
        ? `let z = xhat * g + beta[column];
    let s = sigmoid(z);
    let dz = dy[at] * s * (T(1.0) + z * (T(1.0) - s));`
        : 'let dz = dy[at];'
    }`;

const backwardInputs = ({ width, silu, shift }: Form) => {
  const T = width === 4 ? ('vec4<f32>' as const) : ('f32' as const);
  return {
    dy: T,
    x: T,
    gamma: T,
    ...(silu ? { beta: T } : {}),
    ...(shift ? { shift: T } : {}),
    stats: 'vec2<f32>' as const,
  };
};

const backwardHead = ({ width, shift }: Form) => `
  let c = min(column, p.columns - 1u);
  let mean = ${perColumn(width, 'x').replaceAll('column', 'c')};
  let rstd = ${perColumn(width, 'y').replaceAll('column', 'c')};
  let g = gamma[c];
  let add = ${shift ? 'shift[b * p.columns + c]' : 'T(0.0)'};`;

/** Backward pass 1: sums over each chunk of dz and of dz xhat, channel by channel. */
export function chunkGradients(form: Form): Program {
  const T = form.width === 4 ? 'vec4<f32>' : 'f32';
  return program(`groupNorm.chunkGradients/${formTag(form)}`, () => ({
    inputs: backwardInputs(form),
    outputs: { sums: T, products: T },
    params: TILE_PARAMS,
    wgsl: `${TILE(form.width)}${SIGMOID_WGSL}
var<workgroup> tileSum: array<T, ${COLUMNS * ROWS}>;
var<workgroup> tileProduct: array<T, ${COLUMNS * ROWS}>;
${MAIN}
${backwardHead(form)}
  var sum = T(0.0);
  var product = T(0.0);
  if (live) {
    for (var row = first + lid.y; row < last; row += ${ROWS}u) {
      let at = base + row * p.columns;
      ${backwardAt(form)}
      sum += dz;
      product += dz * xhat;
    }
  }
  let slot = lid.y * ${COLUMNS}u + lid.x;
  tileSum[slot] = sum;
  tileProduct[slot] = product;
  workgroupBarrier();
  for (var step = ${ROWS / 2}u; step > 0u; step >>= 1u) {
    if (lid.y < step) {
      tileSum[slot] += tileSum[slot + step * ${COLUMNS}u];
      tileProduct[slot] += tileProduct[slot + step * ${COLUMNS}u];
    }
    workgroupBarrier();
  }
  if (live && lid.y == 0u) {
    let o = (b * p.chunks + wid.y) * p.columns + column;
    sums[o] = tileSum[slot];
    products[o] = tileProduct[slot];
  }
}`,
  }));
}

/** Backward pass 2: over each group, the means of gamma dz and of gamma dz xhat. */
export function groupGradients(): Program {
  const tier = reduceTier();
  return program(`groupNorm.groupGradients/${tier.tag}`, () => ({
    inputs: { sums: 'f32', products: 'f32', gamma: 'f32' },
    outputs: { means: 'vec2<f32>' },
    params: { ...TILE_PARAMS, channels: 'u32', count: 'u32' },
    subgroups: tier.subgroups,
    wgsl: `
${LINEAR_GROUP}
${blockSum(64)}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let bg = linearGroup(wid, nwg);
  if (bg >= p.count) { return; }
  let firstChannel = bg % p.groups * p.perGroup;
  let start = bg / p.groups * p.chunks * p.channels + firstChannel;
  var sum = vec2<f32>(0.0, 0.0);
  for (var i = lane; i < p.chunks * p.perGroup; i += 64u) {
    let c = i % p.perGroup;
    let at = start + i / p.perGroup * p.channels + c;
    sum += gamma[firstChannel + c] * vec2<f32>(sums[at], products[at]);
  }
  sum = blockSum(sum, lane);
  if (lane == 0u) { means[bg] = sum / f32(p.rows * p.perGroup); }
}`,
  }));
}

/** Backward pass 3: dx = (gamma dz - mean(gamma dz) - xhat mean(gamma dz xhat)) / deviation. */
export function inputGradient(form: Form): Program {
  const T = form.width === 4 ? 'vec4<f32>' : 'f32';
  return program(`groupNorm.inputGradient/${formTag(form)}`, () => ({
    inputs: { ...backwardInputs(form), means: 'vec2<f32>' },
    outputs: { dx: T },
    params: TILE_PARAMS,
    wgsl: `${TILE(form.width)}${SIGMOID_WGSL}${MAIN}
  if (!live) { return; }
${backwardHead(form)}
  let meanSum = ${perColumn(form.width, 'x').replaceAll('stats', 'means')};
  let meanProduct = ${perColumn(form.width, 'y').replaceAll('stats', 'means')};
  for (var row = first + lid.y; row < last; row += ${ROWS}u) {
    let at = base + row * p.columns;
    ${backwardAt(form)}
    dx[at] = rstd * (g * dz - meanSum - xhat * meanProduct);
  }
}`,
  }));
}

function formTag({ width, silu, shift }: Form): string {
  return `${width}${silu ? '/silu' : ''}${shift ? '/shift' : ''}`;
}
