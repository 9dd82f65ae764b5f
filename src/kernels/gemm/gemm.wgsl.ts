/**
 * WGSL of the matrix product, made from options. Operands reach the inner loop in one form whatever their layout in
 * memory: A as quads along k (`vec4` of one row), B as blocks of four k by four columns (four `vec4` along n), so
 * that a thread's accumulators are `vec4<f32>` along n and f16 products pair up in hardware.
 * Long because it is one text: the pieces share their variables, and apart they could not be read.
 * Not here: which tile, which split of k (`gemm.ts`).
 */
import { NF4, type Storage } from '../frozen/frozen';
import {
  aStride,
  bStride,
  handedOver,
  LOW_RANK_STEP,
  sliceThreads,
  slicesOf,
  tileName,
  threadsOf,
  type HalfMath,
  type Tile,
} from './tile';

export type AKind = 'rows' | 'conv' | 'convUp' | 'convT';
/** What B's elements are, and which way round. */
export type BKind = `${Storage}${'NT' | 'NN'}`;

export interface GemmText {
  readonly a: AKind;
  readonly b: BKind;
  /** Contiguous dimension of A, of B, and N are multiples of 4: loads and stores of whole vectors. */
  readonly aVec: boolean;
  readonly bVec: boolean;
  readonly nVec: boolean;
  /** 3x3 taps; else one. */
  readonly taps9: boolean;
  readonly bias: boolean;
  /** + scale h F^T (`NT`, F [N, R]) or + scale h F (`NN`, F [R, N]). */
  readonly lowRank: 'none' | 'NT' | 'NN';
  /** R, and where h's columns lie, are multiples of 4: h, and F as `NT`, are loaded by whole vectors. As `NN`, F is where N is. */
  readonly rVec: boolean;
  /** A tensor like y is added last. */
  readonly add: boolean;
  /** `none`: f32 throughout. */
  readonly half: HalfMath | 'none';
  readonly tile: Tile;
}

export function gemmName(text: GemmText): string {
  const flags = [
    text.aVec && 'av',
    text.bVec && 'bv',
    text.nVec && 'nv',
    text.taps9 && '3x3',
    text.bias && 'bias',
    text.lowRank !== 'none' && `rank${text.lowRank}${text.rVec ? 'v' : ''}`,
    text.add && 'add',
    { none: 'f32', round: 'f16round', wide: 'f16wide', multiply: 'f16' }[text.half],
  ].filter(Boolean);
  return `gemm-${text.a}-${text.b}-${tileName(text.tile)}-${flags.join('-')}`;
}

/** Every product has the same parameters; those that a text does not read cost nothing. */
export const GEMM_PARAMS = {
  M: 'u32', N: 'u32', K: 'u32', nTiles: 'u32', perTap: 'u32', total: 'u32', chunks: 'u32', rowWords: 'u32',
  tapWords: 'u32', R: 'u32', hRow: 'u32', hAt: 'u32', scale: 'f32',
  H: 'u32', W: 'u32', oh: 'u32', ow: 'u32', stride: 'u32', padTop: 'i32', padLeft: 'i32', first: 'u32',
} as const; // prettier-ignore

export function gemmWgsl(text: GemmText): string {
  const { tile } = text;
  return [
    stagesHalves(text) ? 'alias S = f16;' : 'alias S = f32;',
    'struct Block { k0: vec4<S>, k1: vec4<S>, k2: vec4<S>, k3: vec4<S> }',
    text.b.startsWith('nf4') ? NF4_TABLE : '',
    fetchB(text),
    text.half === 'round' ? ROUND : '',
    tile.kind === 'shared' ? sharedArrays(text) : '',
    tile.kind === 'shared' && text.lowRank !== 'none' ? fetchLowRank(text) : '',
    `@compute @workgroup_size(${threadsOf(tile)})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
  let group = wid.x + wid.y * nwg.x + p.first;
  let mBase = (group / p.nTiles) * ${tile.bm}u;
  let nBase = (group % p.nTiles) * ${tile.bn}u;
  if (mBase >= p.M) { return; }
  ${text.b.startsWith('nf4') ? FILL_TABLE : ''}
  let first = wid.z * p.chunks;
  let last = min(first + p.chunks, p.total);
  ${text.a === 'convT' ? 'let shift = p.stride - 1u;' : ''}`,
    tile.kind === 'shared' ? sharedBody(text) : directBody(text),
    epilogue(text),
    '}',
  ].join('\n');
}

const stagesHalves = ({ half }: GemmText) => half === 'multiply' || half === 'wide';

export const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Which rows and column quads a thread owns, as expressions. */
export function owned(tile: Tile) {
  const columns = tile.bn / tile.tn;
  const rows = tile.bm / tile.tm;
  const direct = tile.kind !== 'shared';
  return {
    rows: range(tile.tm).map((i) => (direct ? `(mBase + ${i}u)` : `(mBase + ty + ${i * rows}u)`)),
    quads: range(tile.tn / 4).map((j) =>
      direct ? `(nBase + 4u * (lid + ${j * columns}u))` : `(nBase + 4u * (tx + ${j * columns}u))`,
    ),
  };
}

export function declareAccumulators(tile: Tile): string {
  return range(tile.tm)
    .flatMap((i) => range(tile.tn / 4).map((j) => `var acc${i}_${j} = vec4<f32>(0.0);`))
    .join('\n');
}

function tapOf(text: GemmText): string {
  return text.taps9
    ? `let tap = t / p.perTap;
    let c0 = (t - tap * p.perTap) * ${text.tile.bk}u;
    let ky = i32(tap / 3u);
    let kx = i32(tap % 3u);`
    : `let tap = 0u;
    let c0 = t * ${text.tile.bk}u;
    let ky = 0;
    let kx = 0;`;
}

/** What of an A row does not change along k. Rows past M repeat the last one; they are never stored. */
function rowSetup(text: GemmText, i: number, row: string): string {
  const a = `a${i}`;
  const m = `let ${a}_m = min(${row}, p.M - 1u);`;
  if (text.a === 'rows') return `${m} let ${a}_at = ${a}_m * p.K;`;
  const transposed = text.a === 'convT';
  return `${m}
  let ${a}_p = ${a}_m % (p.oh * p.ow);
  let ${a}_b = (${a}_m / (p.oh * p.ow)) * p.H * p.W;
  let ${a}_y = ${transposed ? `i32(${a}_p / p.ow) + p.padTop` : `i32(${a}_p / p.ow * p.stride) - p.padTop`};
  let ${a}_x = ${transposed ? `i32(${a}_p % p.ow) + p.padLeft` : `i32(${a}_p % p.ow * p.stride) - p.padLeft`};`;
}

/** What does not change within a tap: where the row starts and whether it lies in the image. */
function tapSetup(text: GemmText, i: number): string {
  const a = `a${i}`;
  if (text.a === 'rows') return '';
  if (text.a === 'convT') {
    // Only every stride-th row and column of dy reaches this pixel through this tap.
    return `let ${a}_ty = ${a}_y - ky; let ${a}_tx = ${a}_x - kx;
    let ${a}_sy = u32(${a}_ty >> shift); let ${a}_sx = u32(${a}_tx >> shift);
    let ${a}_ok = ((${a}_ty | ${a}_tx) & i32(shift)) == 0 && ${a}_sy < p.H && ${a}_sx < p.W;
    let ${a}_at = select(0u, (${a}_b + ${a}_sy * p.W + ${a}_sx) * p.K, ${a}_ok);`;
  }
  // A negative coordinate wraps to a huge one.
  const up = text.a === 'convUp' ? ' / 2u' : '';
  const grow = text.a === 'convUp' ? '2u * ' : '';
  return `let ${a}_sy = u32(${a}_y + ky); let ${a}_sx = u32(${a}_x + kx);
    let ${a}_ok = ${a}_sy < ${grow}p.H && ${a}_sx < ${grow}p.W;
    let ${a}_at = select(0u, (${a}_b + ${a}_sy${up} * p.W + ${a}_sx${up}) * p.K, ${a}_ok);`;
}

/**
 * A's quad at channel `c`, as an expression: zero outside the image and past K. Loads are never branched around but
 * taken at a clamped place and then discarded; zeros in A make it needless to guard B, whose clamped columns are
 * never stored and whose clamped k are other terms of the same sum.
 */
function fetchA(text: GemmText, i: number, c: string, whole: boolean): string {
  const a = `a${i}`;
  const gathered = text.a !== 'rows';
  if (text.aVec) {
    const ok = [...(gathered ? [`${a}_ok`] : []), ...(whole ? [] : [`${c} < p.K`])].join(' && ');
    const v = whole ? `read_a((${a}_at + ${c}) / 4u)` : `read_a((${a}_at + min(${c}, p.K - 4u)) / 4u)`;
    return ok ? `select(vec4<f32>(0.0), ${v}, ${ok})` : v;
  }
  const element = (e: number) => {
    const k = `min(${c} + ${e}u, p.K - 1u)`;
    return `select(0.0, read_a(${a}_at + ${k}), ${gathered ? `${a}_ok && ` : ''}${c} + ${e}u < p.K)`;
  };
  return `vec4<f32>(${range(4).map(element).join(', ')})`;
}

/** `fn fetchB(n, tap, c)`: columns n..n+3 at k = c..c+3 of one tap, clamped to the last of either. */
function fetchB(text: GemmText): string {
  const reads = range(4)
    .map((e) => `let w${e} = quad(n, tap, c, ${e}u);`)
    .join(' ');
  const block = text.b.endsWith('NT')
    ? range(4)
        .map(
          (e) =>
            `vec4<S>(${range(4)
              .map((n) => `w${n}.${'xyzw'[e]}`)
              .join(', ')})`,
        )
        .join(', ')
    : 'w0, w1, w2, w3';
  const along = text.b.endsWith('NT')
    ? { line: 'min(n + e, p.N - 1u)', lines: 'p.N', from: 'c', end: 'p.K' }
    : { line: 'min(c + e, p.K - 1u)', lines: 'p.K', from: 'n', end: 'p.N' };
  return `fn quad(n: u32, tap: u32, c: u32, e: u32) -> vec4<S> {
  ${QUADS[elementsOf(text.b)](text.bVec, along)}
}
fn fetchB(n: u32, tap: u32, c: u32) -> Block { ${reads} return Block(${block}); }`;
}

interface Along {
  /** Which row of memory, of how many, and where in it: first element, and bound. */
  line: string;
  lines: string;
  from: string;
  end: string;
}

function halfQuad(vec: boolean, { line, from, end }: Along): string {
  if (vec) {
    return `let w = b[(${line} * p.rowWords + tap * p.tapWords + min(${from}, ${end} - 4u) / 2u) / 2u];
  return vec4<S>(vec4<f32>(unpack2x16float(w.x), unpack2x16float(w.y)));`;
  }
  return `let at = ${line} * p.rowWords + tap * p.tapWords;
  let last = (${end} - 1u) / 2u;
  return vec4<S>(vec4<f32>(
    unpack2x16float(b[at + min(${from} / 2u, last)]), unpack2x16float(b[at + min(${from} / 2u + 1u, last)])));`;
}

/** The index of a quad's word, and the magnitude of its block (`frozen.ts`): rows are whole blocks, of `words` words each. */
function codesOf({ line, lines, from, end }: Along, perWord: number): string {
  const words = 64 / perWord;
  return `let at = ${line} * p.rowWords + tap * p.tapWords + min(${from}, ${end} - 4u) / ${perWord}u;
  let pair = unpack2x16float(b[${lines} * p.rowWords + at / ${2 * words}u]);
  let scale = select(pair.x, pair.y, (at & ${words}u) != 0u);`;
}

function int8Quad(_: boolean, along: Along): string {
  return `${codesOf(along, 4)}
  return vec4<S>(scale * unpack4x8snorm(b[at]));`;
}

function nf4Quad(_: boolean, along: Along): string {
  return `${codesOf(along, 8)}
  let codes = b[at] >> (4u * (${along.from} & 4u));
  return vec4<S>(scale * vec4<f32>(
    nf4[codes & 15u], nf4[(codes >> 4u) & 15u], nf4[(codes >> 8u) & 15u], nf4[(codes >> 12u) & 15u]));`;
}

const QUADS: Readonly<Record<Storage, (vec: boolean, along: Along) => string>> = {
  half: halfQuad,
  int8: int8Quad,
  nf4: nf4Quad,
};

export const elementsOf = (b: BKind) => b.slice(0, -2) as Storage;

/** Where every lane finds it: an array indexed by what is not known beforehand would be each lane's own. */
const NF4_TABLE = 'var<workgroup> nf4: array<f32, 16>;';

/** By one lane, number by number: not every compiler takes an index into a constant array. */
const FILL_TABLE = `if (lid == 0u) { ${NF4.map((value, i) => `nf4[${i}] = ${value};`).join(' ')} }
  workgroupBarrier();`;

/** Statements that add A's quad `a` times block `b` (a prefix of four variables) to an accumulator. */
export function multiplyAdd(half: GemmText['half'], acc: string, a: string, b: string[]): string {
  // Four f16 products are summed in f16, then widened: any overflow shows up as an infinity, never clamped.
  if (half === 'multiply')
    return `${acc} += vec4<f32>(${a}.x * ${b[0]} + ${a}.y * ${b[1]} + ${a}.z * ${b[2]} + ${a}.w * ${b[3]});`;
  return ['x', 'y', 'z', 'w'].map((e, k) => `${acc} = fma(vec4<f32>(${a}.${e}), ${b[k]}, ${acc});`).join(' ');
}

/** What is read of staged or fetched halves, in the type in which it is multiplied. */
const widened = (half: GemmText['half']) => (quad: string) => (half === 'wide' ? `vec4<f32>(${quad})` : quad);

/** Where the operands of a shared tile are staged for one stretch of k, and how they are multiplied. */
export interface Stage {
  readonly a: string;
  readonly b: string;
  /** Length of the stretch. */
  readonly bk: number;
  readonly half: GemmText['half'];
}

const mainStage = ({ tile, half }: GemmText): Stage => ({
  ...{ a: 'As', b: 'Bs' },
  bk: tile.bk,
  half,
});

/**
 * Of the low-rank branch: f32 on every tier, as a young LoRA's factors are too small for f16. Where the product's own
 * operands are f32, it uses their place.
 */
function lowRankStage(text: GemmText): Stage {
  if (stagesHalves(text)) return { a: 'Hs', b: 'Fs', bk: LOW_RANK_STEP, half: 'none' };
  return { ...mainStage(text), half: 'none' };
}

function sharedArrays(text: GemmText): string {
  const own = lowRankStage(text);
  const apart = text.lowRank !== 'none' && own.a !== 'As';
  return stagingArrays(text.tile, [[mainStage(text), 'S'], ...(apart ? [[own, 'f32'] as const] : [])]);
}

/** Where stages lie, each with the type of its elements, and what slices hand over. */
export function stagingArrays(tile: Tile, stages: readonly (readonly [Stage, string])[]): string {
  return [
    ...stages.map(
      ([{ a, b, bk }, type]) => `var<workgroup> ${a}: array<vec4<${type}>, ${tile.bm * aStride(bk)}>;
var<workgroup> ${b}: array<vec4<${type}>, ${bk * bStride(tile)}>;`,
    ),
    ...(slicesOf(tile) > 1 ? [`var<workgroup> Sums: array<vec4<f32>, ${handedOver(tile)}>;`] : []),
  ].join('\n');
}

/** Which quads of a stage the threads fetch, one after the other, and the loop that multiplies what they staged. */
export function staged(tile: Tile, { a, b, bk, half }: Stage, turned: { a: boolean; b: boolean }) {
  const threads = threadsOf(tile);
  const slices = slicesOf(tile);
  const quadsK = bk / 4;
  const quadsN = tile.bn / 4;
  const columns = tile.bn / tile.tn;
  const rowsApart = tile.bm / tile.tm;
  const index = (i: number) => `(lid + ${i * threads}u)`;
  const guarded = (i: number, count: number, body: string) =>
    (i + 1) * threads <= count ? `{ ${body} }` : `if (lid + ${i * threads}u < ${count}u) { ${body} }`;
  // Neighbouring threads take neighbours in memory: along k, or along the rows of a transposed operand.
  const rowOf = (i: number) =>
    turned.a
      ? { row: `(${index(i)} % ${tile.bm}u)`, quad: `(${index(i)} / ${tile.bm}u)` }
      : { row: `(${index(i)} / ${quadsK}u)`, quad: `(${index(i)} % ${quadsK}u)` };
  const columnOf = (i: number) =>
    turned.b
      ? { column: `(${index(i)} % ${quadsN}u)`, quad: `(${index(i)} / ${quadsN}u)` }
      : { column: `(${index(i)} / ${quadsK}u)`, quad: `(${index(i)} % ${quadsK}u)` };
  const aCount = tile.bm * quadsK;
  const bCount = quadsK * quadsN;
  const wide = widened(half);
  const readB = range(tile.tn / 4).flatMap((j) =>
    range(4).map(
      (e) => `let b${j}_${e} = ${wide(`${b}[(4u * q + ${e}u) * ${bStride(tile)}u + tx + ${j * columns}u]`)};`,
    ),
  );
  const compute = range(tile.tm).map(
    (i) => `{ let av = ${wide(`${a}[(ty + ${i * rowsApart}u) * ${aStride(bk)}u + q]`)};
      ${range(tile.tn / 4)
        .map((j) =>
          multiplyAdd(
            half,
            `acc${i}_${j}`,
            'av',
            range(4).map((e) => `b${j}_${e}`),
          ),
        )
        .join('\n      ')} }`,
  );
  return {
    rowsFetched: range(Math.ceil(aCount / threads)).map((i) => rowOf(i).row),
    /** `fetch`: the quad of A that a thread loads as its i-th, of a row, from `c` on; the stretch begins at `from`. */
    loadA: (from: string, fetch: (i: number, row: string) => string) =>
      range(Math.ceil(aCount / threads)).map((i) => {
        const { row, quad } = rowOf(i);
        return guarded(
          i,
          aCount,
          `let c = ${from} + 4u * ${quad};
      ${a}[${row} * ${aStride(bk)}u + ${quad}] = ${fetch(i, row)};`,
        );
      }),
    /** `fetch`: four k by four columns, k0 to k3, from quad `quad` of the stretch on. */
    loadB: (fetch: (column: string, quad: string) => string) =>
      range(Math.ceil(bCount / threads)).map((i) => {
        const { column, quad } = columnOf(i);
        const store = range(4).map(
          (e) => `${b}[(4u * ${quad} + ${e}u) * ${bStride(tile)}u + ${column}] = w.k${e};`,
        );
        return guarded(i, bCount, `let w = ${fetch(column, quad)};\n      ${store.join('\n      ')}`);
      }),
    multiply: `workgroupBarrier();
    for (var q = ${slices > 1 ? 'slice' : '0u'}; q < ${quadsK}u; q += ${slices}u) {
      ${readB.join('\n      ')}
      ${compute.join('\n      ')}
    }
    workgroupBarrier();`,
  };
}

function sharedBody(text: GemmText): string {
  const { tile } = text;
  const columns = tile.bn / tile.tn;
  const steps = staged(tile, mainStage(text), { a: false, b: text.b.endsWith('NN') });
  const slices = slicesOf(tile);
  return `${slices > 1 ? `let slice = lid / ${sliceThreads(tile)}u;` : ''}
  let own = ${slices > 1 ? `lid % ${sliceThreads(tile)}u` : 'lid'};
  let tx = own % ${columns}u;
  let ty = own / ${columns}u;
  ${steps.rowsFetched.map((row, i) => rowSetup(text, i, `(mBase + ${row})`)).join('\n  ')}
  ${declareAccumulators(tile)}
  for (var t = first; t < last; t++) {
    ${tapOf(text)}
    ${steps.rowsFetched.map((_, i) => tapSetup(text, i)).join('\n    ')}
    ${steps.loadA('c0', (i) => rounded(text, fetchA(text, i, 'c', false))).join('\n    ')}
    ${steps.loadB((column, quad) => `fetchB(nBase + 4u * ${column}, tap, c0 + 4u * ${quad})`).join('\n    ')}
    ${steps.multiply}
  }
  ${text.lowRank === 'none' ? '' : sharedLowRank(text)}
  ${slices > 1 ? addSlices(tile) : ''}`;
}

/** Row after row the other slices' sums come to the first, which adds them in their order and alone goes on. */
export function addSlices(tile: Tile): string {
  const threads = sliceThreads(tile);
  const quads = range(tile.tn / 4);
  const at = (slice: string, j: number) =>
    `Sums[((${slice}) * ${quads.length}u + ${j}u) * ${threads}u + own]`;
  const rows = range(tile.tm).map(
    (i) => `if (slice > 0u) { ${quads.map((j) => `${at('slice - 1u', j)} = acc${i}_${j};`).join(' ')} }
  workgroupBarrier();
  if (slice == 0u) { for (var s = 0u; s < ${slicesOf(tile) - 1}u; s++) { ${quads.map((j) => `acc${i}_${j} += ${at('s', j)};`).join(' ')} } }
  ${i + 1 < tile.tm ? 'workgroupBarrier();' : ''}`,
  );
  return `${rows.join('\n  ')}
  if (slice > 0u) { return; }`;
}

/**
 * The low-rank branch as further steps of k: h and the scaled factor staged like the product's own operands. Past R, h is
 * zero and the factor a clamped one, so that nothing but zeros is added.
 */
function sharedLowRank(text: GemmText): string {
  const { tile } = text;
  const stage = lowRankStage(text);
  const steps = staged(tile, stage, { a: false, b: text.lowRank === 'NN' });
  return `if (wid.z == 0u) {
    for (var r0 = 0u; r0 < p.R; r0 += ${stage.bk}u) {
    ${steps.loadA('r0', (_, row) => `fetchH(min(mBase + ${row}, p.M - 1u), c)`).join('\n    ')}
    ${steps.loadB((column, quad) => `fetchFactor(nBase + 4u * ${column}, r0 + 4u * ${quad})`).join('\n    ')}
    ${steps.multiply}
    }
  }`;
}

/** `fn fetchH(m, r)`: four of h's row m from r on, zero past R; `fn fetchFactor(n, r)`: scale F, four r by four columns. */
function fetchLowRank({ lowRank, rVec, nVec }: GemmText): string {
  const h = rVec
    ? 'select(vec4<f32>(0.0), h[(m * p.hRow + p.hAt + min(r, p.R - 4u)) / 4u], r < p.R)'
    : `vec4<f32>(${range(4)
        .map((e) => `select(0.0, h[m * p.hRow + p.hAt + min(r + ${e}u, p.R - 1u)], r + ${e}u < p.R)`)
        .join(', ')})`;
  const turned = lowRank === 'NT';
  const [line, from, last, width] = turned
    ? ['min(n + e, p.N - 1u)', 'r', 'p.R', 'p.R']
    : ['min(r + e, p.R - 1u)', 'n', 'p.N', 'p.N'];
  const quad = (turned ? rVec : nVec)
    ? `factor[(${line} * ${width} + min(${from}, ${last} - 4u)) / 4u]`
    : `vec4<f32>(${range(4)
        .map((e) => `factor[${line} * ${width} + min(${from} + ${e}u, ${last} - 1u)]`)
        .join(', ')})`;
  const block = turned
    ? range(4).map(
        (k) =>
          `vec4<f32>(${range(4)
            .map((n) => `f${n}.${'xyzw'[k]}`)
            .join(', ')})`,
      )
    : range(4).map((e) => `f${e}`);
  return `struct Factor { k0: vec4<f32>, k1: vec4<f32>, k2: vec4<f32>, k3: vec4<f32> }
fn fetchH(m: u32, r: u32) -> vec4<f32> { return ${h}; }
fn factorQuad(n: u32, r: u32, e: u32) -> vec4<f32> { return p.scale * ${quad}; }
fn fetchFactor(n: u32, r: u32) -> Factor {
  ${range(4)
    .map((e) => `let f${e} = factorQuad(n, r, ${e}u);`)
    .join(' ')}
  return Factor(${block.join(', ')});
}`;
}

/**
 * No staging: every lane holds all the tile's rows for columns of its own. `direct` reads the rows in every lane;
 * `lanes` has each of eight lanes read one row in eight and broadcasts it.
 */
function directBody(text: GemmText): string {
  const { tile } = text;
  const { rows, quads } = owned(tile);
  const lanes = tile.kind === 'lanes';
  const fetched = lanes ? range(tile.bm / 8).map((i) => `(mBase + ${8 * i}u + lid)`) : rows;
  const quad = (i: number) => rounded(text, fetchA(text, i, 'c', text.aVec));
  const wide = widened(text.half);
  return `${fetched.map((row, i) => rowSetup(text, i, row)).join('\n  ')}
  ${declareAccumulators(tile)}
  for (var t = first; t < last; t++) {
    ${tapOf(text)}
    ${fetched.map((_, i) => tapSetup(text, i)).join('\n    ')}
    let end = min(c0 + ${tile.bk}u, p.K);
    for (var c = c0; c < end; c += 4u) {
      ${quads.map((n, j) => `let w${j} = fetchB(${n}, tap, c);`).join('\n      ')}
      ${lanes ? fetched.map((_, i) => `let v${i} = ${quad(i)};`).join('\n      ') : ''}
      ${rows
        .map(
          (_, i) => `{ let av = ${wide(lanes ? `subgroupBroadcast(v${i >> 3}, ${i % 8}u)` : quad(i))};
        ${quads
          .map((_, j) =>
            multiplyAdd(
              text.half,
              `acc${i}_${j}`,
              'av',
              range(4).map((e) => wide(`w${j}.k${e}`)),
            ),
          )
          .join('\n')} }`,
        )
        .join('\n      ')}
    }
  }`;
}

function rounded(text: GemmText, quad: string): string {
  return text.half === 'round' ? `roundQuad(${quad})` : `vec4<S>(${quad})`;
}

/** A plain conversion to f16 and back is optimised away (by Mesa); the builtin is not. Overflow gives infinity. */
const ROUND = 'fn roundQuad(v: vec4<f32>) -> vec4<f32> { return quantizeToF16(v); }';

function epilogue(text: GemmText): string {
  const { tile } = text;
  const { rows, quads } = owned(tile);
  const lines: string[] = [];
  if (text.lowRank !== 'none' && tile.kind !== 'shared') lines.push(lowRank(text, rows, quads));
  rows.forEach((row, i) =>
    quads.forEach((n, j) => {
      const acc = `acc${i}_${j}`;
      const bias = text.bias
        ? text.nVec
          ? `if (wid.z == 0u) { v += bias[n / 4u]; }`
          : `if (wid.z == 0u) { v.x += bias[n]; if (n + 1u < p.N) { v.y += bias[n + 1u]; }
          if (n + 2u < p.N) { v.z += bias[n + 2u]; } if (n + 3u < p.N) { v.w += bias[n + 3u]; } }`
        : '';
      lines.push(`{ let m = ${row}; let n = ${n};
      if (m < p.M && n < p.N) {
        var v = ${acc};
        ${bias}
        let at = (wid.z * p.M + m) * p.N + n;
        ${added(text)}
        ${
          text.nVec
            ? 'write_y(at / 4u, v);'
            : `y[at] = v.x; if (n + 1u < p.N) { y[at + 1u] = v.y; }
        if (n + 2u < p.N) { y[at + 2u] = v.z; } if (n + 3u < p.N) { y[at + 3u] = v.w; }`
        }
      } }`);
    }),
  );
  return lines.join('\n  ');
}

/** Only where k is not split: else who adds the parts adds it. */
function added({ add, nVec }: GemmText): string {
  if (!add) return '';
  if (nVec) return 'v += read_add(at / 4u);';
  return `v.x += read_add(at); if (n + 1u < p.N) { v.y += read_add(at + 1u); }
        if (n + 2u < p.N) { v.z += read_add(at + 2u); } if (n + 3u < p.N) { v.w += read_add(at + 3u); }`;
}

/** Without staging. In f32 on every tier, as in `lowRankStage`. */
function lowRank(text: GemmText, rows: string[], quads: string[]): string {
  const factor = (n: string, e: number) =>
    text.lowRank === 'NT'
      ? `factor[min(${n} + ${e}u, p.N - 1u) * p.R + r]`
      : `factor[r * p.N + min(${n} + ${e}u, p.N - 1u)]`;
  return `if (wid.z == 0u) {
    for (var r = 0u; r < p.R; r++) {
      ${quads
        .map(
          (n, j) =>
            `let f${j} = p.scale * vec4<f32>(${range(4)
              .map((e) => factor(n, e))
              .join(', ')});`,
        )
        .join('\n      ')}
      ${rows
        .map(
          (row, i) => `{ let hv = h[min(${row}, p.M - 1u) * p.hRow + p.hAt + r];
        ${quads.map((_, j) => `acc${i}_${j} += hv * f${j};`).join(' ')} }`,
        )
        .join('\n      ')}
    }
  }`;
}
