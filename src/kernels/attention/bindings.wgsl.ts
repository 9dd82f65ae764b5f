/**
 * What the two shader shapes of attention share: bindings, parameters, and guarded access to [B, rows, heads, D]
 * matrices by (row, vec4 of the head). `rows` are those a workgroup owns, `columns` those it walks over: queries and
 * keys in the passes `forward` and `queries`, keys and queries in `keys`.
 */
import type { Element, Program } from '../program';
import type { Pass } from './plan';

/** `vec4`: head size a multiple of four, so that matrices are bound as arrays of vec4. */
export function bindings(pass: Pass, vec4: boolean): Pick<Program, 'inputs' | 'outputs' | 'params'> {
  const matrix: Element = vec4 ? 'vec4<f32>' : 'f32';
  // `turns` is more than any loop's limit; see `TilePlan.rolled`.
  const params = {
    rows: 'u32',
    cols: 'u32',
    heads: 'u32',
    size: 'u32',
    causal: 'u32',
    turns: 'u32',
    scale: 'f32',
    first: 'u32',
  } as const;
  if (pass === 'forward') {
    return { inputs: { q: matrix, k: matrix, v: matrix }, outputs: { o: matrix, lse: 'f32' }, params };
  }
  const saved = { lse: 'f32', delta: 'f32' } as const;
  return pass === 'queries'
    ? { inputs: { q: matrix, g: matrix, k: matrix, v: matrix, ...saved }, outputs: { dq: matrix }, params }
    : {
        inputs: { k: matrix, v: matrix, q: matrix, g: matrix, ...saved },
        outputs: { dk: matrix, dv: matrix },
        // `span` queries a part; the parts of one batch lie `batches` apart.
        params: { ...params, batches: 'u32', span: 'u32' },
      };
}

/** `fetch_NAME(wid, row, count, quad)`: zeros outside the matrix or beyond the head. */
export function fetch(name: string, vec4: boolean): string {
  const body = vec4
    ? `if (row >= count || quad * 4u >= p.size) { return vec4<f32>(); }
  return read_${name}(((wid.z * count + row) * p.heads + wid.y) * (p.size / 4u) + quad);`
    : `if (row >= count || quad * 4u >= p.size) { return vec4<f32>(); }
  let at = ((wid.z * count + row) * p.heads + wid.y) * p.size + quad * 4u;
  let left = p.size - quad * 4u;
  var value = vec4<f32>(read_${name}(at), 0.0, 0.0, 0.0);
  if (left > 1u) { value.y = read_${name}(at + 1u); }
  if (left > 2u) { value.z = read_${name}(at + 2u); }
  if (left > 3u) { value.w = read_${name}(at + 3u); }
  return value;`;
  return `fn fetch_${name}(wid: vec3<u32>, row: u32, count: u32, quad: u32) -> vec4<f32> {\n  ${body}\n}`;
}

/** `store_NAME(wid, row, quad, value)` into one of the rows that the workgroup owns; nothing outside. */
export function store(name: string, vec4: boolean): string {
  const body = vec4
    ? `${name}[((wid.z * p.rows + row) * p.heads + wid.y) * (p.size / 4u) + quad] = value;`
    : `let at = ((wid.z * p.rows + row) * p.heads + wid.y) * p.size + quad * 4u;
  let left = p.size - quad * 4u;
  ${name}[at] = value.x;
  if (left > 1u) { ${name}[at + 1u] = value.y; }
  if (left > 2u) { ${name}[at + 2u] = value.z; }
  if (left > 3u) { ${name}[at + 3u] = value.w; }`;
  return `fn store_${name}(wid: vec3<u32>, row: u32, quad: u32, value: vec4<f32>) {
  if (row >= p.rows || quad * 4u >= p.size) { return; }
  ${body}
}`;
}

/**
 * `SCORE` stands in for a score that does not take part, `FLOOR` for the maximum of none: finite, because their
 * difference must be, and far enough apart that its exponential is 0. Exponentials are taken to base 2.
 */
export const CONSTANTS = `
const LOG2E = 1.4426950408889634;
const LN2 = 0.6931471805599453;
const SCORE = -3e38;
const FLOOR = -1e38;

// The logarithm is only as good as the adapter's: one Newton step makes it as good as the exponential, by which
// the backward pass undoes it.
fn logSumExp(maximum: f32, sum: f32) -> f32 {
  let guess = log2(sum);
  return (maximum + guess + (sum * exp2(-guess) - 1.0) * LOG2E) * LN2;
}`;

/**
 * Whether there is more than one key. The softmax of one is 1 whatever its score, so that no gradient reaches query and key:
 * `do v^T` and `delta`, added up in different orders, would leave a rounding error, which Lion takes for a direction.
 */
export function severalKeys(keys: 'rows' | 'cols'): string {
  return `let several = p.${keys} > 1u;`;
}

/** The numbers 0 to n-1, for unrolled text: arrays indexed in loops would leave the registers on some drivers. */
export function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
