/**
 * WGSL of LoRA's thin products, up to three modules in one dispatch: `down`, h = drop(x A^T) of all; `up`, dh = s drop(dy B)
 * of each; `gradients`, A's of all and B's of each, added where the flat gradient has them. f32 on every tier. Columns of h
 * and dh lie side by side, module after module. B's gradient is computed as its transpose, so that both are as many rows as
 * the rank, and wide. Staging and multiplying are the large product's (`gemm.wgsl.ts`). Long because it is one text, as that.
 */
import {
  addSlices,
  declareAccumulators,
  multiplyAdd,
  owned,
  range,
  staged,
  stagingArrays,
  type Stage,
} from './gemm.wgsl';
import { sliceThreads, slicesOf, threadsOf, tileName, type Tile } from './tile';

export type ThinKind = 'down' | 'up' | 'gradients';

export interface ThinText {
  readonly kind: ThinKind;
  /** 1 to 3. */
  readonly modules: number;
  /** The contiguous dimension of x or dy is a multiple of 4; it is no vector where k runs over rows. */
  readonly aVec: boolean;
  /** The same of the other operand, and of the columns that are written. */
  readonly bVec: boolean;
  readonly nVec: boolean;
  readonly dropout: boolean;
  /** Gradients: parts of k to be added up afterwards, rather than added to the flat gradient. */
  readonly parts: boolean;
  readonly tile: Tile;
}

export function thinName(text: ThinText): string {
  const flags = [
    text.aVec && 'av',
    text.bVec && 'bv',
    text.nVec && 'nv',
    text.dropout && 'dropout',
    text.parts && 'parts',
  ].filter(Boolean);
  return ['gemm-thin', `${text.kind}${text.modules}`, tileName(text.tile), ...flags].join('-');
}

export const each = <T>(name: string, type: T): Record<string, T> =>
  Object.fromEntries(range(MOST_MODULES).map((j) => [`${name}${j}`, type]));

/** Storage buffers allow no more: dy and B of each, what they give, and a seed. */
export const MOST_MODULES = 3;

/** `down` and `up`: where the gradients lie, in elements. */
export const MODULE_PARAMS = {
  ...each('rank', 'u32' as const),
  ...each('scale', 'f32' as const),
  ...each('stream', 'u32' as const),
  ...each('down', 'u32' as const),
  ...each('up', 'u32' as const),
};

/**
 * `M` by `N`: the product, of the first where there are several; `R`: columns of h and dh, of which the first module here has
 * those from `at` on; `tiles`: workgroups of one part of k.
 */
export const THIN_PARAMS = {
  ...({ M: 'u32', N: 'u32', K: 'u32', out: 'u32', R: 'u32', at: 'u32', tiles: 'u32' } as const),
  ...({ total: 'u32', chunks: 'u32', rate: 'f32', first: 'u32' } as const),
  ...MODULE_PARAMS,
};

/** Of module `j`, a parameter that each has. */
export function pick(name: string, modules: number, j: string): string {
  return range(modules).reduce(
    (before, k) => (k === 0 ? `p.${name}0` : `select(${before}, p.${name}${k}, ${j} == ${k}u)`),
    '',
  );
}

const sum = (terms: readonly string[]) => (terms.length ? terms.join(' + ') : '0u');
const firstRanks = (count: number) => sum(range(count).map((k) => `p.rank${k}`));

export function thinWgsl(text: ThinText): string {
  const { tile, kind, modules } = text;
  return [
    'alias S = f32;',
    'struct Block { k0: vec4<S>, k1: vec4<S>, k2: vec4<S>, k3: vec4<S> }',
    // The product that a workgroup is in, its rows and its columns.
    'var<private> one: u32; var<private> M: u32; var<private> N: u32;',
    `fn moduleOf(column: u32) -> u32 { return ${sum(range(modules - 1).map((k) => `select(0u, 1u, column >= ${firstRanks(k + 1)})`))}; }`,
    `fn firstOf(j: u32) -> u32 { return ${range(modules).reduce((before, k) => (k === 0 ? '0u' : `select(${before}, ${firstRanks(k)}, j == ${k}u)`), '')}; }`,
    reader('readA', text.aVec, firstOperands(text)),
    reader('readB', text.bVec, secondOperands(text)),
    fetchA(text),
    fetchB(text),
    text.dropout ? dropped(modules) : '',
    store(text),
    tile.kind === 'shared' ? stagingArrays(tile, [[stageOf(tile), 'S']]) : '',
    `@compute @workgroup_size(${threadsOf(tile)})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
  var group = wid.x + wid.y * nwg.x + p.first;
  if (group >= p.tiles) { return; }
  one = 0u; M = p.M; N = p.N;
  ${WHICH[kind](text)}
  let nTiles = (N + ${tile.bn - 1}u) / ${tile.bn}u;
  let mBase = (group / nTiles) * ${tile.bm}u;
  let nBase = (group % nTiles) * ${tile.bn}u;
  let first = wid.z * p.chunks;
  let last = min(first + p.chunks, p.total);`,
    tile.kind === 'shared' ? sharedBody(text) : directBody(text),
    epilogue(tile),
    '}',
  ].join('\n');
}

/** What is bound, in this order; then what is written. */
export const firstOperands = ({ kind, modules }: ThinText): string[] =>
  ({ down: ['x'], up: named('dy', modules), gradients: ['dh', 'h'] })[kind];
export const secondOperands = ({ kind, modules }: ThinText): string[] =>
  ({ down: named('down', modules), up: named('up', modules), gradients: ['x', ...named('dy', modules)] })[
    kind
  ];
const named = (name: string, modules: number) => range(modules).map((j) => `${name}${j}`);

const stageOf = (tile: Tile): Stage => ({ ...{ a: 'As', b: 'Bs' }, bk: tile.bk, half: 'none' });

/** Workgroups of one product after those of another. */
const WHICH: Readonly<Record<ThinKind, (text: ThinText) => string>> = {
  down: () => '',
  up: ({ modules, tile }) =>
    modules === 1
      ? ''
      : range(modules)
          .map((j) =>
            j === 0
              ? `let mTiles = (M + ${tile.bm - 1}u) / ${tile.bm}u;
  N = p.rank0;`
              : after(`mTiles * ((N + ${tile.bn - 1}u) / ${tile.bn}u)`, j, `N = p.rank${j};`),
          )
          .join('\n  ') + '}'.repeat(modules - 1),
  gradients: ({ modules, tile }) =>
    range(modules)
      .map((j) =>
        after(
          `((M + ${tile.bm - 1}u) / ${tile.bm}u) * ((N + ${tile.bn - 1}u) / ${tile.bn}u)`,
          j + 1,
          `M = p.rank${j}; N = p.out;`,
        ),
      )
      .join('\n  ') + '}'.repeat(modules),
};

/** Past the workgroups of the product before, those of the next; closed by whoever calls. */
const after = (count: string, next: number, then: string) =>
  `let n${next} = ${count};
  if (group >= n${next}) { group -= n${next}; one = ${next}u; ${then}`;

/** `fn NAME(j, i)`: an element, or a vector of four, of the j-th operand. */
function reader(name: string, vec: boolean, operands: readonly string[]): string {
  const reads = operands.map((operand, j) =>
    j + 1 < operands.length ? `if (j == ${j}u) { return read_${operand}(i); }` : `return read_${operand}(i);`,
  );
  return `fn ${name}(j: u32, i: u32) -> ${vec ? 'vec4<f32>' : 'f32'} { ${reads.join(' ')} }`;
}

/** `fn fetchA(m, c)`: of row m the elements at k = c to c+3, zero past K. Rows past M repeat the last; they are never stored. */
function fetchA({ kind, modules, aVec }: ThinText): string {
  if (aVec)
    return `fn fetchA(m: u32, c: u32) -> vec4<f32> {
  return select(vec4<f32>(0.0), readA(one, (min(m, M - 1u) * p.K + min(c, p.K - 4u)) / 4u), c < p.K);
}`;
  const at = kind === 'gradients' ? `min(c + E, p.K - 1u) * p.R + column` : 'row + min(c + E, p.K - 1u)';
  const which = kind === 'gradients' ? 'min(one, 1u)' : 'one';
  const element = (e: number) => `select(0.0, readA(${which}, ${at.replace('E', `${e}u`)}), c + ${e}u < p.K)`;
  const column = modules === 1 ? '' : ' + select(0u, firstOf(one - 1u), one > 0u)';
  return `fn fetchA(m: u32, c: u32) -> vec4<f32> {
  ${kind === 'gradients' ? `let column = p.at${column} + min(m, M - 1u);` : 'let row = min(m, M - 1u) * p.K;'}
  return vec4<f32>(${range(4).map(element).join(', ')});
}`;
}

/** `fn fetchB(n, c)`: columns n to n+3 at k = c to c+3, clamped to the last of either. */
function fetchB({ kind, bVec }: ThinText): string {
  const along = (width: string, from: string) =>
    bVec
      ? `return readB(j, (line * ${width} + min(${from}, ${width} - 4u)) / 4u);`
      : `let start = line * ${width};
  return vec4<f32>(${range(4)
    .map((e) => `readB(j, start + min(${from} + ${e}u, ${width} - 1u))`)
    .join(', ')});`;
  if (kind !== 'down')
    return `fn quad(n: u32, c: u32, e: u32) -> vec4<f32> {
  let j = one;
  let line = min(c + e, p.K - 1u);
  ${along('N', 'n')}
}
fn fetchB(n: u32, c: u32) -> Block { return Block(${range(4)
      .map((e) => `quad(n, c, ${e}u)`)
      .join(', ')}); }`;
  // Rows of one module after those of another.
  return `fn quad(n: u32, c: u32, e: u32) -> vec4<f32> {
  let column = min(n + e, N - 1u);
  let j = moduleOf(column);
  let line = column - firstOf(j);
  ${along('p.K', 'c')}
}
fn fetchB(n: u32, c: u32) -> Block {
  ${range(4)
    .map((e) => `let w${e} = quad(n, c, ${e}u);`)
    .join(' ')}
  return Block(${range(4)
    .map(
      (e) =>
        `vec4<f32>(${range(4)
          .map((n) => `w${n}.${'xyzw'[e]}`)
          .join(', ')})`,
    )
    .join(', ')});
}`;
}

/** A hash (PCG output permutation, O'Neill 2014). */
const HASH = `fn scramble(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}`;

/** Inverted dropout, its mask by seed, stream and element: every module's as if it were alone. */
const dropped = (modules: number) => `${HASH}
fn kept(m: u32, j: u32, column: u32) -> f32 {
  let index = m * ${pick('rank', modules, 'j')} + column;
  let bits = scramble(scramble(scramble(bitcast<u32>(seed[0])) ^ ${pick('stream', modules, 'j')}) ^ index);
  if (f32(bits >> 8u) * 5.9604644775390625e-8 < p.rate) { return 0.0; }
  return 1.0 / (1.0 - p.rate);
}`;

/** `fn store(z, m, n, v)`: what a thread has made of row m, four columns from n on, of part z of k. */
function store(text: ThinText): string {
  const { kind, modules, nVec } = text;
  const body = {
    down: `let at = (z * p.M + m) * p.R + p.at + n;
  ${text.dropout ? forEach((e) => `{ let j = moduleOf(n + ${e}u); v[${e}] *= kept(m, j, n + ${e}u - firstOf(j)); }`) : ''}
  ${put(nVec, 'h', 'at')}`,
    up: `let at = (z * p.M + m) * p.R + p.at + firstOf(one) + n;
  v *= ${pick('scale', modules, 'one')};
  ${text.dropout ? forEach((e) => `v[${e}] *= kept(m, one, n + ${e}u);`) : ''}
  ${put(nVec, 'dh', 'at')}`,
    // Of all gradients as they lie in a part: A's, row by row of h; then B's, each turned.
    gradients: text.parts
      ? `let at = z * p.R * (p.N + p.out)
    + select(p.at * p.N, p.R * p.N + (p.at + firstOf(one - 1u)) * p.out, one > 0u) + m * N + n;
  ${put(nVec, 'parts', 'at')}`
      : `if (one == 0u) {
    let j = moduleOf(m);
    let at = ${pick('down', modules, 'j')} + (m - firstOf(j)) * N + n;
    ${forEach((e) => `if (n + ${e}u < N) { flat[at + ${e}u] += v[${e}]; }`)}
  } else {
    let j = one - 1u;
    let rank = ${pick('rank', modules, 'j')};
    let scale = ${pick('scale', modules, 'j')};
    let at = ${pick('up', modules, 'j')} + n * rank + m;
    ${forEach((e) => `if (n + ${e}u < N) { flat[at + ${e}u * rank] += scale * v[${e}]; }`)}
  }`,
  }[kind];
  return `fn store(z: u32, m: u32, n: u32, sums: vec4<f32>) {
  var v = sums;
  ${body}
}`;
}

const forEach = (statement: (e: number) => string) => range(4).map(statement).join('\n    ');

const put = (vec: boolean, into: string, at: string) =>
  vec
    ? `${into}[${at} / 4u] = v;`
    : forEach((e) => `if (n + ${e}u < N) { ${into}[${at} + ${e}u] = v[${e}]; }`);

function sharedBody({ tile, kind }: ThinText): string {
  const columns = tile.bn / tile.tn;
  const slices = slicesOf(tile);
  const steps = staged(tile, stageOf(tile), { a: kind === 'gradients', b: kind !== 'down' });
  return `${slices > 1 ? `let slice = lid / ${sliceThreads(tile)}u;` : ''}
  let own = ${slices > 1 ? `lid % ${sliceThreads(tile)}u` : 'lid'};
  let tx = own % ${columns}u;
  let ty = own / ${columns}u;
  ${declareAccumulators(tile)}
  for (var t = first; t < last; t++) {
    let c0 = t * ${tile.bk}u;
    ${steps.loadA('c0', (_, row) => `fetchA(mBase + ${row}, c)`).join('\n    ')}
    ${steps.loadB((column, quad) => `fetchB(nBase + 4u * ${column}, c0 + 4u * ${quad})`).join('\n    ')}
    ${steps.multiply}
  }
  ${slices > 1 ? addSlices(tile) : ''}`;
}

/** Without staging, as the large product's: eight lanes read rows for each other, or each reads all. */
function directBody({ tile }: ThinText): string {
  const { rows, quads } = owned(tile);
  const lanes = tile.kind === 'lanes';
  const fetched = lanes ? range(tile.bm / 8).map((i) => `(mBase + ${8 * i}u + lid)`) : rows;
  return `${declareAccumulators(tile)}
  for (var t = first; t < last; t++) {
    let end = min((t + 1u) * ${tile.bk}u, p.K);
    for (var c = t * ${tile.bk}u; c < end; c += 4u) {
      ${quads.map((n, j) => `let w${j} = fetchB(${n}, c);`).join('\n      ')}
      ${fetched.map((row, i) => `let v${i} = fetchA(${row}, c);`).join('\n      ')}
      ${rows
        .map(
          (_, i) => `{ let av = ${lanes ? `subgroupBroadcast(v${i >> 3}, ${i % 8}u)` : `v${i}`};
        ${quads
          .map((_, j) =>
            multiplyAdd(
              'none',
              `acc${i}_${j}`,
              'av',
              range(4).map((e) => `w${j}.k${e}`),
            ),
          )
          .join('\n')} }`,
        )
        .join('\n      ')}
    }
  }`;
}

function epilogue(tile: Tile): string {
  const { rows, quads } = owned(tile);
  return rows
    .flatMap((row, i) =>
      quads.map((n, j) => `if (${row} < M && ${n} < N) { store(wid.z, ${row}, ${n}, acc${i}_${j}); }`),
    )
    .join('\n  ');
}
