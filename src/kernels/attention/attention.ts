/**
 * Multi-head attention without a score matrix (FlashAttention-2, Dao 2023, arXiv:2307.08691). For each head h, the
 * channels h D to (h + 1) D of q [B, N, C], k and v [B, M, C]:
 *
 *   S = scale q k^T   (causal: only keys j <= i)        P = exp(S - lse),  lse_i = log sum_j exp(S_ij)        o = P v
 *   delta_i = do_i . o_i        dv = P^T do        dS = P * (do v^T - delta)        dq = scale dS k        dk = scale dS^T q
 *
 * Kept for the backward pass: q, k, v, o and lse [B, heads, N]. P is computed again there, in one pass for dq and one
 * for dk and dv: no atomics, so that a run is repeatable to the bit. Where the keys are few (a caption's 77) that one is cut
 * into parts of the queries, whose sums are added up in order. `plan.ts` says how the work is cut; the tier with
 * subgroups runs the code of `f16`, as the threads of a row are no whole subgroup where the head fits best.
 *
 * Tolerance: 1e-5 in f32, the sum of rounding over thousands of terms and of exponentials good to a few ulp. 3e-3 in
 * f16: operands and probabilities rounded to 11 bits (5e-4 each), scores off by that much times their size.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor, TensorInfo } from '@tensorflow/tfjs';
import { gpu } from '../device';
import { defineKernel, sameAs } from '../kernel';
import { allocate, dispatch, groups1d, LINEAR_GROUP, program } from '../program';
import { addParts } from '../gemm/gemm';
import { MULTIPROCESSORS } from '../gemm/cut';
import { MAX_HEAD, partsOf, planFor, type Pass, type Plan } from './plan';
import { rowProgram } from './rows.wgsl';
import { tileProgram } from './tiles.wgsl';

export interface AttentionOptions {
  heads: number;
  /** A query sees the keys up to its own position. */
  causal?: boolean;
  /** Of the scores; 1 / sqrt(C / heads) unless given. */
  scale?: number;
  /** `single`: operands and products in f32 on every tier, for scores that a half cannot hold. Else `half` where there is f16. */
  precision?: 'half' | 'single';
}

export class AttentionShapeError extends Error {
  override readonly name = 'AttentionShapeError';
}

/**
 * q [B, N, C], k and v [B, M, C] to [B, N, C]. Differentiable in all three. Throws `AttentionShapeError` for shapes
 * that do not fit each other or heads of more than 512 channels.
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
  check(q, k, v, options.heads);
  const size = (q.shape[2] as number) / options.heads;
  const attrs = {
    heads: options.heads,
    causal: options.causal ?? false,
    scale: options.scale ?? 1 / Math.sqrt(size),
    single: options.precision === 'single',
  };
  return run({ q, k, v }, attrs)[0];
}

/** Fewer keys than this are computed again sooner than kept. Counted, not measured: see `KeptAttention`. */
const MANY_KEYS = 1024;

/**
 * What attention gave in a block that will be run again, so that it need not be computed again: outputs and lse of those calls
 * whose keys are many, in the order of the calls. A call costs 4 N M C operations and keeps 4 N C bytes: worth as much a byte
 * as there are keys.
 */
export class KeptAttention {
  private readonly outputs: [TensorInfo, TensorInfo][] = [];

  /** Keeps what attention inside `work` gives. */
  keeping<T>(work: () => T): T {
    return withKept({ kept: this, again: false }, work);
  }

  /** Attention inside `work`, which is the same again, takes what was kept. */
  reusing<T>(work: () => T): T {
    return withKept({ kept: this, again: true }, work);
  }

  /** Of whatever was kept and not taken. */
  dispose(): void {
    for (const info of this.outputs.splice(0).flat()) tracked(info).dispose();
  }

  /** @internal */
  add(o: TensorInfo, lse: TensorInfo): void {
    // References of their own; who takes them, has them.
    this.outputs.push([sameAs(o), sameAs(lse)]);
  }

  /** @internal */
  take(shape: readonly number[]): [TensorInfo, TensorInfo] {
    const outputs = this.outputs.shift();
    if (!outputs || outputs[0].shape.some((n, i) => n !== shape[i]))
      throw new Error(`Attention over [${shape}] was not what came here before.`);
    return outputs;
  }
}

let manyKeys = MANY_KEYS;
let keeping: { readonly kept: KeptAttention; readonly again: boolean } | undefined;

function withKept<T>(now: typeof keeping, work: () => T): T {
  const before = keeping;
  keeping = now;
  try {
    return work();
  } finally {
    keeping = before;
  }
}

/** From how many keys on attention's outputs are kept (undefined: as always). For tests, whose pictures are small. */
export function overrideManyKeys(keys: number | undefined): void {
  manyKeys = keys ?? MANY_KEYS;
}

/** Makes all attention use the plan that `choose` returns (undefined: the adapter's own). For tests and tuning. */
export function overridePlan(choose: ((pass: Pass, size: number) => Plan | undefined) | undefined): void {
  chosen = choose;
}

/** Makes the gradient of keys come in so many parts where there are queries enough (undefined: as the adapter wants). For tests. */
export function overrideParts(parts: number | undefined): void {
  forcedParts = parts;
}

/** The plan used now for a pass over heads of `size` channels. */
export function currentPlan(pass: Pass, size: number, f16 = gpu().f16): Plan {
  const { software, device } = gpu();
  const limits = device.limits;
  const can = {
    f16,
    software,
    workgroupBytes: limits.maxComputeWorkgroupStorageSize,
    invocations: limits.maxComputeInvocationsPerWorkgroup,
  };
  return chosen?.(pass, size) ?? planFor(can, pass, size);
}

// ---------------------------------------------------------------------------------------------------------------

interface Attrs {
  heads: number;
  causal: boolean;
  scale: number;
  single: boolean;
}

let forcedParts: number | undefined;
let chosen: ((pass: Pass, size: number) => Plan | undefined) | undefined;

const run = defineKernel<Attrs>({
  name: 'Attention',
  forward: ({ q, k, v }, attrs) => {
    const worth = k.shape[1] >= manyKeys ? keeping : undefined;
    if (worth?.again) return worth.kept.take(q.shape);
    // Never halves: delta, which all of a row's score gradients share, is made of it, and keys' gradients hardly differ but for it.
    const o = allocate(q.shape);
    const lse = allocate([q.shape[0], attrs.heads, q.shape[1]]);
    pass('forward', [q, k, v, o, lse], q, k, attrs);
    worth?.kept.add(o, lse);
    return [o, lse];
  },
  gradient: {
    saveInputs: ['q', 'k', 'v'],
    saveOutputs: [true, true],
    backward: ([dout], [q, k, v, o, lse], attrs, passing) => {
      const delta = passing(tracked(allocate(lse.shape)));
      rowDots(dout, o, delta, attrs.heads);
      // Both at once and before the thunks, which cannot share: a LoRA on keys or values wants both anyway.
      const dk = tracked(allocate(k.shape));
      const dv = tracked(allocate(v.shape));
      pass('keys', [k, v, q, dout, lse, delta, dk, dv], k, q, attrs);
      return {
        q: () => {
          const dq = tracked(allocate(q.shape));
          pass('queries', [q, dout, k, v, lse, delta, dq], q, k, attrs);
          return dq;
        },
        k: () => dk,
        v: () => dv,
      };
    },
  },
});

/** Dispatches one pass: `rows` is the matrix whose rows the workgroups own, `columns` the one they walk over. */
function pass(name: Pass, tensors: TensorInfo[], rows: TensorInfo, columns: TensorInfo, attrs: Attrs): void {
  const [batch, rowCount, channels] = rows.shape as [number, number, number];
  const colCount = columns.shape[1];
  const size = channels / attrs.heads;
  const f16 = gpu().f16 && !attrs.single;
  const plan = currentPlan(name, size, f16);
  const owned = plan.rowsEach * (plan.kind === 'tiles' ? plan.ty : plan.threads);
  const down = Math.ceil(rowCount / owned);
  const split =
    name === 'keys' ? partsOf(plan, colCount, wantedParts(down * attrs.heads * batch)) : undefined;
  const params = {
    ...(split ? { batches: batch, span: split.span } : {}),
    rows: rowCount,
    cols: colCount,
    heads: attrs.heads,
    size,
    causal: attrs.causal ? 1 : 0,
    turns: 0xffffffff,
    scale: attrs.scale,
  };
  const products = { forward: 2, queries: 3, keys: 4 }[name];
  const count = split?.parts ?? 1;
  const outputs = count === 1 ? [] : tensors.slice(-2);
  const parts = outputs.map(({ shape }) => tracked(allocate([count, ...shape])));
  dispatch(
    shader(name, plan, size, f16),
    [...tensors.slice(0, tensors.length - parts.length), ...parts],
    params,
    [down, attrs.heads, batch * count],
    2 * products * batch * rowCount * colCount * channels,
  );
  for (const [i, output] of outputs.entries()) {
    addParts(parts[i], output, count, batch * rowCount * channels);
    parts[i]?.dispose();
  }
}

/** In how many parts the adapter would like a pass of so many workgroups: enough for two on each multiprocessor. */
function wantedParts(workgroups: number): number {
  const { software, tuning } = gpu();
  const multiprocessors = tuning?.multiprocessors ?? MULTIPROCESSORS;
  if (forcedParts !== undefined) return forcedParts;
  return software || workgroups >= multiprocessors ? 1 : Math.floor((2 * multiprocessors) / workgroups);
}

function shader(name: Pass, plan: Plan, size: number, f16: boolean) {
  if (plan.kind === 'rows') {
    const { threads, rowsEach, columns } = plan;
    return program(`attention-${name}-rows-${size}-${threads}x${rowsEach}x${columns}`, () => ({
      ...rowProgram(name, plan, size),
      cut: 'x',
    }));
  }
  const { tx, ty, rowsEach, chunks, perChunk, wide, rolled } = plan;
  const vec4 = size % 4 === 0;
  const id = `${tx}x${ty}-${rowsEach}-${chunks}x${perChunk}-${vec4 ? 'vec4' : 'scalar'}-${f16 ? 'f16' : 'f32'}${f16 && wide !== 'none' ? `-wide-${wide}` : ''}${rolled ? '-rolled' : ''}`;
  return program(`attention-${name}-tiles-${id}`, () => ({
    ...tileProgram(name, plan, vec4, f16),
    cut: 'x',
  }));
}

/** delta[b, h, i] = sum over the head of a * b, both [B, N, C]. */
function rowDots(a: TensorInfo, b: TensorInfo, delta: TensorInfo, heads: number): void {
  const [batch, rows, channels] = a.shape as [number, number, number];
  const count = batch * rows * heads;
  const size = channels / heads;
  const vec4 = size % 4 === 0;
  const element = vec4 ? 'vec4<f32>' : 'f32';
  const term = 'a[index * p.width + i], b[index * p.width + i]';
  const text = program(`attention-delta-${vec4 ? 'vec4' : 'scalar'}`, () => ({
    inputs: { a: element, b: element },
    outputs: { delta: 'f32' },
    params: { count: 'u32', rows: 'u32', heads: 'u32', width: 'u32' },
    wgsl: `${LINEAR_GROUP}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_id) lid: vec3<u32>) {
  let index = linearGroup(wid, nwg) * 64u + lid.x;
  if (index >= p.count) { return; }
  var sum = 0.0;
  for (var i = 0u; i < p.width; i++) { sum += ${vec4 ? `dot(${term})` : term.replace(', ', ' * ')}; }
  let head = index % p.heads;
  let row = index / p.heads;
  delta[((row / p.rows) * p.heads + head) * p.rows + row % p.rows] = sum;
}`,
  }));
  const width = vec4 ? size / 4 : size;
  dispatch(
    text,
    [a, b, delta],
    { count, rows, heads, width },
    groups1d(Math.ceil(count / 64)),
    2 * batch * rows * channels,
  );
}

function tracked(info: TensorInfo): Tensor {
  return tf.engine().makeTensorFromTensorInfo(info);
}

function check(q: Tensor, k: Tensor, v: Tensor, heads: number): void {
  const shapes = `q [${q.shape}], k [${k.shape}], v [${v.shape}], ${heads} heads`;
  const [batch, , channels] = q.shape as [number, number, number];
  if (q.rank !== 3 || k.rank !== 3 || k.shape.some((n, i) => n !== v.shape[i]) || v.rank !== 3) {
    throw new AttentionShapeError(
      `attention: ${shapes}. Give q as [B, N, C] and k and v alike as [B, M, C].`,
    );
  }
  if (k.shape[0] !== batch || k.shape[2] !== channels || q.size === 0 || k.size === 0) {
    throw new AttentionShapeError(
      `attention: ${shapes}. Batch and channels must be those of q, and nothing empty.`,
    );
  }
  if (!Number.isInteger(heads) || heads < 1 || channels % heads !== 0 || channels / heads > MAX_HEAD) {
    throw new AttentionShapeError(
      `attention: ${shapes}. The heads must divide the channels into at most ${MAX_HEAD} each.`,
    );
  }
}
