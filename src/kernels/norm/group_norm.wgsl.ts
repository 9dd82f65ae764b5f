/**
 * The passes of group normalisation over x [B, N, C], C in `groups` groups. A small group is one workgroup's from beginning
 * to end: one dispatch each way. Else two: sums of each channel over chunks of N, then the result, whose workgroups first
 * reduce those sums over the chunks and channels of the groups that they have columns of. These run as tiles of 16 x 16
 * threads: 16 columns of `T` (f32, or vec4 where C allows), neighbours in memory, times 16 rows that step through a chunk. A
 * group's width need not divide anything. Every sum has a fixed order, whichever workgroup makes it. Long because the passes
 * share their pieces, in two widths and six variants.
 */
import { LINEAR_GROUP, program, type Program } from '../program';
import { SIGMOID_WGSL } from '../pointwise/pointwise';
import { blockSum, reduceTier } from './reduce';

export interface Form {
  width: 1 | 4;
  silu: boolean;
  shift: boolean;
  /** Backward only: another gradient of x is added. */
  residual?: boolean;
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

/** Of a pass that reads what was summed of `sumChunks` chunks of `perSum` rows; `lanes` threads reduce a group. */
const READER_PARAMS = {
  ...TILE_PARAMS,
  channels: 'u32',
  sumChunks: 'u32',
  perSum: 'u32',
  lanes: 'u32',
} as const;

/** A statistic of the group of each of the W channels in a column. */
const perColumn = (width: number, field: string) =>
  width === 4
    ? `vec4<f32>(${[0, 1, 2, 3].map((k) => `stats[b * p.groups + groupOf(column * 4u + ${k}u)].${field}`).join(', ')})`
    : `stats[b * p.groups + groupOf(column)].${field}`;

/**
 * Pass 1: mean and sum of squared deviations of each channel over each chunk, [B, chunks, 2, C]. Eight rows at a time are loaded, their
 * own mean taken out, and the result merged (Chan et al. 1983), so that a mean far above the deviation costs nothing.
 */
export function chunkMoments(width: 1 | 4): Program {
  return program(`groupNorm.chunkMoments/${width}`, () => ({
    inputs: { x: width === 4 ? 'vec4<f32>' : 'f32' },
    outputs: { moments: width === 4 ? 'vec4<f32>' : 'f32' },
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
        if (r < last) { v[j] = read_x(base + r * p.columns); sum += v[j] - v[0]; k += 1.0; }
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
    let o = (b * p.chunks + wid.y) * 2u * p.columns + column;
    moments[o] = tileMean[at];
    moments[o + p.columns] = tileSquare[at];
  }
}`,
  }));
}

/** Element `i` of what is bound as `T`. */
const scalar = (width: number, name: string, i: string) =>
  width === 4 ? `${name}[(${i}) / 4u][(${i}) % 4u]` : `${name}[${i}]`;

/** Mean and squared deviations of two sets as those of both (Chan et al. 1983): x their count, y the mean, z the squares. */
const MERGE = `
fn merge(a: vec3<f32>, b: vec3<f32>) -> vec3<f32> {
  let total = max(a.x + b.x, 1.0);
  let d = b.y - a.y;
  return vec3<f32>(a.x + b.x, a.y + d * (b.x / total), a.z + b.z + d * d * (a.x * b.x / total));
}`;
const SUM = 'fn merge(a: vec3<f32>, b: vec3<f32>) -> vec3<f32> { return a + b; }';

/**
 * WGSL of `main`'s beginning: `part[slot(channel)]` becomes `item`s merged over all chunks and over the channels of the
 * channel's group. `item` is an expression of `chunk`, `channel` and `at`, the place of the first of its two numbers.
 */
const reduceGroups = (item: string) => `
  let index = lid.y * ${COLUMNS}u + lid.x;
  let within = index % p.lanes;
  let group = firstGroup(wid) + index / p.lanes;
  var merged = vec3<f32>(0.0);
  if (group < p.groups) {
    for (var i = within; i < p.sumChunks * p.perGroup; i += p.lanes) {
      let chunk = i / p.perGroup;
      let channel = group * p.perGroup + i % p.perGroup;
      let at = (b * p.sumChunks + chunk) * 2u * p.channels + channel;
      merged = merge(merged, ${item});
    }
  }
  part[index] = merged;
  workgroupBarrier();
  for (var step = p.lanes / 2u; step > 0u; step >>= 1u) {
    if (within < step) { part[index] = merge(part[index], part[index + step]); }
    workgroupBarrier();
  }`;

const REDUCE_HEAD = `
var<workgroup> part: array<vec3<f32>, ${COLUMNS * ROWS}>;
fn firstGroup(wid: vec3<u32>) -> u32 { return groupOf(wid.x * ${COLUMNS}u * W); }
fn slot(wid: vec3<u32>, channel: u32) -> u32 { return (groupOf(channel) - firstGroup(wid)) * p.lanes; }`;

/** A field of the reduced part of each of the W channels in column `c`. */
const ofPart = (width: number, field: string) =>
  width === 4
    ? `vec4<f32>(${[0, 1, 2, 3].map((k) => `part[slot(wid, c * 4u + ${k}u)].${field}`).join(', ')})`
    : `part[slot(wid, c)].${field}`;

/** Pass 2: y = silu?((x + shift - mean) / deviation * gamma + beta), and [mean, 1 / deviation] of each group. A shift enters here. */
export function normalise({ width, silu, shift }: Form): Program {
  const T = width === 4 ? 'vec4<f32>' : 'f32';
  const mean = `moments[at]${shift ? ` + ${scalar(width, 'shift', 'b * p.channels + channel')}` : ''}`;
  return program(`groupNorm.normalise/${width}${silu ? '/silu' : ''}${shift ? '/shift' : ''}`, () => ({
    inputs: { x: T, gamma: T, beta: T, ...(shift ? { shift: T } : {}), moments: 'f32' },
    outputs: { y: T, stats: 'vec2<f32>' },
    params: { ...READER_PARAMS, eps: 'f32' },
    wgsl: `${TILE(width)}${SIGMOID_WGSL}${MERGE}${REDUCE_HEAD}
fn rowsIn(chunk: u32) -> f32 { return f32(min(p.perSum, p.rows - chunk * p.perSum)); }
${MAIN}${reduceGroups(`vec3<f32>(rowsIn(chunk), ${mean}, moments[at + p.channels])`)}
  let size = f32(p.rows * p.perGroup);
  // Of the workgroups that reduce a group, the one with its first channel and row says what came out.
  if (wid.y == 0u && within == 0u && group < p.groups && group * p.perGroup >= wid.x * ${COLUMNS}u * W
      && group * p.perGroup < (wid.x + 1u) * ${COLUMNS}u * W) {
    stats[b * p.groups + group] = vec2<f32>(part[index].y, 1.0 / sqrt(part[index].z / size + p.eps));
  }
  if (!live) { return; }
  let c = column;
  let mean = ${ofPart(width, 'y')};
  let rstd = T(1.0) / sqrt(${ofPart(width, 'z')} / size + p.eps);
  let g = gamma[column];
  let o = beta[column];
  let add = ${shift ? 'shift[b * p.columns + column]' : 'T(0.0)'};
  for (var row = first + lid.y; row < last; row += ${ROWS}u) {
    let at = base + row * p.columns;
    let z = (read_x(at) + add - mean) * rstd * g + o;
    write_y(at, ${silu ? 'z * sigmoid(z)' : 'z'});
  }
}`,
  }));
}

/** WGSL that both backward passes share: dz (the gradient before SiLU) and xhat at an element. */
const backwardAt = ({ silu }: Form) => `
    let xhat = (read_x(at) + add - mean) * rstd;
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

/** Backward pass 1: sums over each chunk of dz and of dz xhat, channel by channel, [B, chunks, 2, C]. */
export function chunkGradients(form: Form): Program {
  const T = form.width === 4 ? 'vec4<f32>' : 'f32';
  return program(`groupNorm.chunkGradients/${formTag(form)}`, () => ({
    inputs: backwardInputs(form),
    outputs: { sums: T },
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
    let o = (b * p.chunks + wid.y) * 2u * p.columns + column;
    sums[o] = tileSum[slot];
    sums[o + p.columns] = tileProduct[slot];
  }
}`,
  }));
}

/** Backward pass 2: dx = (gamma dz - mean(gamma dz) - xhat mean(gamma dz xhat)) / deviation, plus a gradient from around. */
export function inputGradient(form: Form): Program {
  const T = form.width === 4 ? 'vec4<f32>' : 'f32';
  const gamma = scalar(form.width, 'gamma', 'channel');
  return program(`groupNorm.inputGradient/${formTag(form)}${form.residual ? '/residual' : ''}`, () => ({
    inputs: { ...backwardInputs(form), ...(form.residual ? { around: T } : {}), sums: 'f32' },
    outputs: { dx: T },
    params: READER_PARAMS,
    wgsl: `${TILE(form.width)}${SIGMOID_WGSL}${SUM}${REDUCE_HEAD}
${MAIN}${reduceGroups(`${gamma} * vec3<f32>(0.0, sums[at], sums[at + p.channels])`)}
  if (!live) { return; }
${backwardHead(form)}
  let size = f32(p.rows * p.perGroup);
  let meanSum = ${ofPart(form.width, 'y')} / size;
  let meanProduct = ${ofPart(form.width, 'z')} / size;
  for (var row = first + lid.y; row < last; row += ${ROWS}u) {
    let at = base + row * p.columns;
    ${backwardAt(form)}
    dx[at] = rstd * (g * dz - meanSum - xhat * meanProduct)${form.residual ? ' + around[at]' : ''};
  }
}`,
  }));
}

// ---------------------------------------------------------------------------------------------------------------

/** Threads that share a group that a workgroup has alone, and how many values each loads before it computes. */
export const WHOLE_LANES = 256;
const LOADS = 4;

const WHOLE_PARAMS = {
  columns: 'u32',
  rows: 'u32',
  perUnit: 'u32',
  units: 'u32',
  groups: 'u32',
  count: 'u32',
} as const;

/** Who am I: the group, its first column, and where one of its `units` of T lies. `perUnit` columns are a group's. */
const WHOLE_HEAD = (width: number) => `
alias T = ${width === 4 ? 'vec4<f32>' : 'f32'};
${LINEAR_GROUP}
fn place(base: u32, u: u32) -> u32 { return base + u / p.perUnit * p.columns + u % p.perUnit; }
fn total(v: T) -> f32 { return ${width === 4 ? 'dot(v, T(1.0))' : 'v'}; }`;

const WHOLE_MAIN = `
@compute @workgroup_size(${WHOLE_LANES})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let bg = linearGroup(wid, nwg);
  if (bg >= p.count) { return; }
  let b = bg / p.groups;
  let column0 = bg % p.groups * p.perUnit;
  let base = b * p.rows * p.columns + column0;`;

/** The whole forward pass of a group in one workgroup. Moments as in `chunkMoments`. */
export function normaliseWhole({ width, silu, shift }: Form): Program {
  const T = width === 4 ? 'vec4<f32>' : 'f32';
  const added = (c: string) => (shift ? ` + shift[b * p.columns + ${c}]` : '');
  return program(`groupNorm.whole/${width}${silu ? '/silu' : ''}${shift ? '/shift' : ''}`, () => ({
    inputs: { x: T, gamma: T, beta: T, ...(shift ? { shift: T } : {}) },
    outputs: { y: T, stats: 'vec2<f32>' },
    params: { ...WHOLE_PARAMS, eps: 'f32' },
    wgsl: `${WHOLE_HEAD(width)}${SIGMOID_WGSL}${MERGE}
var<workgroup> part: array<vec3<f32>, ${WHOLE_LANES}>;
${WHOLE_MAIN}
  var n = 0.0;
  var mean = T(0.0);
  var square = T(0.0);
  for (var u = lane; u < p.units; u += ${LOADS * WHOLE_LANES}u) {
    var v: array<T, ${LOADS}>;
    var k = 0.0;
    var sum = T(0.0);
    for (var j = 0u; j < ${LOADS}u; j++) {
      let e = u + j * ${WHOLE_LANES}u;
      if (e < p.units) { v[j] = read_x(place(base, e))${added('column0 + e % p.perUnit')}; sum += v[j] - v[0]; k += 1.0; }
    }
    let m = v[0] + sum / k;
    var s = T(0.0);
    for (var j = 0u; j < ${LOADS}u; j++) {
      if (u + j * ${WHOLE_LANES}u < p.units) { let d = v[j] - m; s += d * d; }
    }
    let d = m - mean;
    let total = n + k;
    mean += d * (k / total);
    square += s + d * d * (n * k / total);
    n = total;
  }
  part[lane] = ${
    width === 4
      ? `merge(merge(vec3<f32>(n, mean.x, square.x), vec3<f32>(n, mean.y, square.y)),
    merge(vec3<f32>(n, mean.z, square.z), vec3<f32>(n, mean.w, square.w)))`
      : 'vec3<f32>(n, mean, square)'
  };
  workgroupBarrier();
  for (var step = ${WHOLE_LANES / 2}u; step > 0u; step >>= 1u) {
    if (lane < step) { part[lane] = merge(part[lane], part[lane + step]); }
    workgroupBarrier();
  }
  let whole = part[0];
  let rstd = 1.0 / sqrt(whole.z / whole.x + p.eps);
  if (lane == 0u) { stats[bg] = vec2<f32>(whole.y, rstd); }
  for (var u = lane; u < p.units; u += ${WHOLE_LANES}u) {
    let at = place(base, u);
    let c = column0 + u % p.perUnit;
    let z = (read_x(at)${added('c')} - whole.y) * rstd * gamma[c] + beta[c];
    write_y(at, ${silu ? 'z * sigmoid(z)' : 'z'});
  }
}`,
  }));
}

/** The whole backward pass of a group in one workgroup. */
export function gradientWhole(form: Form): Program {
  const { width, shift, residual } = form;
  const T = width === 4 ? 'vec4<f32>' : 'f32';
  const tier = reduceTier();
  const element = `let at = place(base, u);
    let column = column0 + u % p.perUnit;
    let g = gamma[column];
    let add = ${shift ? 'shift[b * p.columns + column]' : 'T(0.0)'};
    ${backwardAt(form)}`;
  return program(
    `groupNorm.gradientWhole/${formTag(form)}${residual ? '/residual' : ''}/${tier.tag}`,
    () => ({
      inputs: { ...backwardInputs(form), ...(residual ? { around: T } : {}) },
      outputs: { dx: T },
      params: WHOLE_PARAMS,
      subgroups: tier.subgroups,
      wgsl: `${WHOLE_HEAD(width)}${SIGMOID_WGSL}${blockSum(WHOLE_LANES)}
${WHOLE_MAIN}
  let mean = stats[bg].x;
  let rstd = stats[bg].y;
  var sum = vec2<f32>(0.0, 0.0);
  for (var u = lane; u < p.units; u += ${WHOLE_LANES}u) {
    ${element}
    sum += vec2<f32>(total(g * dz), total(g * dz * xhat));
  }
  let means = blockSum(sum, lane) / f32(p.rows * p.perUnit * ${width}u);
  for (var u = lane; u < p.units; u += ${WHOLE_LANES}u) {
    ${element}
    dx[at] = rstd * (g * dz - means.x - xhat * means.y)${residual ? ' + around[at]' : ''};
  }
}`,
    }),
  );
}

function formTag({ width, silu, shift }: Form): string {
  return `${width}${silu ? '/silu' : ''}${shift ? '/shift' : ''}`;
}
