/**
 * Attention in tiles through workgroup memory, for GPUs (FlashAttention-2, Dao 2023, arXiv:2307.08691).
 *
 * Rows are interleaved over `ty`, columns over `tx`: thread (tx, ty) has rows ty + TY r and columns tx + TX c, so that
 * at an odd row stride no two threads of a warp meet in a bank. Its four columns make one vec4 of the weights tile.
 * Where the adapter has f16, operands are staged in f16, which halves the traffic that bounds these loops. Each
 * product of two halves is then formed and added in f32: exact, unable to overflow, and on current GPUs as fast as
 * a product rounded to f16 that must be widened before it can be added. Score gradients are staged in f32 always: they are
 * probabilities times gradients, often too small for f16. Long because three passes share the tile and its staging.
 */
import type { Program } from '../program';
import { bindings, CONSTANTS, fetch, severalKeys, store, upTo } from './bindings.wgsl';
import { elementsOf, oddStride, type Pass, type TilePlan } from './plan';

export function tileProgram(pass: Pass, plan: TilePlan, vec4: boolean, f16: boolean): Omit<Program, 'name'> {
  const text = new TileText(pass, plan, f16);
  const body = { forward: forward, queries: queries, keys: keys }[pass](text);
  const { inputs, outputs, params } = bindings(pass, vec4);
  const wgsl = [
    CONSTANTS,
    ...(pass === 'forward' ? ['q', 'k', 'v'] : ['q', 'k', 'v', 'g']).map((name) => fetch(name, vec4)),
    ...Object.keys(outputs)
      .filter((name) => name !== 'lse')
      .map((name) => store(name, vec4)),
    text.memory(),
    `@compute @workgroup_size(${plan.tx}, ${plan.ty})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_id) lid: vec3<u32>,
        @builtin(local_invocation_index) index: u32) {
  let tx = lid.x;
  let ty = lid.y;
  let row0 = (wid.x + p.first) * ${text.blockRows}u;
  let scale = p.scale * LOG2E;
  let at = ${pass === 'keys' ? 'vec3<u32>(wid.xy, wid.z % p.batches)' : 'wid'};`,
    body,
    '}',
  ].join('\n');
  return { inputs, outputs, params, f16, wgsl };
}

function forward(t: TileText): string {
  const lines = (make: (r: number) => string) => t.rows.map(make).join('\n');
  return `
  ${t.stageRows('q', 0)}
  ${t.zero('o')}
  var maximum = ${t.rowVector}(${t.rows.map(() => 'FLOOR').join(', ')});
  var sum = ${t.rowVector}();
  let end = select(p.cols, min(p.cols, row0 + ${t.blockRows}u), p.causal != 0u);
  for (var col0 = 0u; col0 < end; col0 += ${t.blockCols}u) {
    ${t.products('s', 'q', 'k', 0)}
    ${t.columns()}
    ${lines((r) => `s${r} = select(vec4<f32>(SCORE), s${r} * scale, ${t.takesPart(r, 'forward')});`)}
    var top = ${t.rowVector}(${t.rows.map((r) => `max(max(s${r}.x, s${r}.y), max(s${r}.z, s${r}.w))`).join(', ')});
    maxima[ty * ${t.plan.tx}u + tx] = top;
    workgroupBarrier();
    for (var i = 0u; i < ${t.turns(t.plan.tx)}; i++) { top = max(top, maxima[ty * ${t.plan.tx}u + i]); }
    top = max(top, maximum);
    let fade = exp2(maximum - top);
    maximum = top;
    ${lines((r) => `s${r} = exp2(s${r} - top${t.at(r)});`)}
    sum = sum * fade + ${t.rowVector}(${t.rows.map((r) => `dot(s${r}, vec4<f32>(1.0))`).join(', ')});
    ${t.outputs('o', (name, r) => `${name} *= fade${t.at(r)};`)}
    ${t.stageWeights('s')}
    ${t.accumulate('o', 'v', true)}
  }
  workgroupBarrier();
  maxima[ty * ${t.plan.tx}u + tx] = sum;
  workgroupBarrier();
  sum = ${t.rowVector}();
  for (var i = 0u; i < ${t.turns(t.plan.tx)}; i++) { sum += maxima[ty * ${t.plan.tx}u + i]; }
  ${t.outputs('o', (name, r, quad) => `store_o(wid, ${t.row(r)}, ${quad}, ${name} / sum${t.at(r)});`)}
  if (tx == 0u) {
    ${lines(
      (r) => `if (${t.row(r)} < p.rows) {
      lse[(wid.z * p.heads + wid.y) * p.rows + ${t.row(r)}] = logSumExp(maximum${t.at(r)}, sum${t.at(r)});
    }`,
    )}
  }`;
}

function queries(t: TileText): string {
  const lines = (make: (r: number) => string) => t.rows.map(make).join('\n');
  return `
  ${t.stageRows('q', 0)}
  ${t.stageRows('g', 1)}
  ${t.zero('dq')}
  ${severalKeys('cols')}
  ${lines(
    (r) => `var lse${r} = 0.0;
  var delta${r} = 0.0;
  if (${t.row(r)} < p.rows) {
    lse${r} = lse[(wid.z * p.heads + wid.y) * p.rows + ${t.row(r)}] * LOG2E;
    delta${r} = delta[(wid.z * p.heads + wid.y) * p.rows + ${t.row(r)}];
  }`,
  )}
  let end = select(p.cols, min(p.cols, row0 + ${t.blockRows}u), p.causal != 0u);
  for (var col0 = 0u; col0 < end; col0 += ${t.blockCols}u) {
    ${t.products('dp', 'g', 'v', 1)}
    ${t.products('s', 'q', 'k', 0)}
    ${t.columns()}
    ${lines(
      (r) =>
        `s${r} = select(vec4<f32>(), exp2(s${r} * scale - lse${r}) * (dp${r} - delta${r}), ${t.takesPart(r, 'queries')} & vec4<bool>(several));`,
    )}
    ${t.stageWeights('s')}
    ${t.accumulate('dq', 'k', false)}
  }
  ${t.outputs('dq', (name, r, quad) => `store_dq(wid, ${t.row(r)}, ${quad}, ${name} * p.scale);`)}`;
}

function keys(t: TileText): string {
  const lines = (make: (r: number) => string) => t.rows.map(make).join('\n');
  return `
  ${t.stageRows('k', 0)}
  ${t.stageRows('v', 1)}
  ${t.zero('dk')}
  ${t.zero('dv')}
  ${severalKeys('rows')}
  // Of the queries, this part's.
  let first = wid.z / p.batches * p.span;
  let start = max(first, select(0u, row0 / ${t.blockCols}u * ${t.blockCols}u, p.causal != 0u));
  for (var col0 = start; col0 < min(p.cols, first + p.span); col0 += ${t.blockCols}u) {
    ${t.products('dp', 'v', 'g', 1)}
    ${t.products('s', 'k', 'q', 0)}
    ${t.columns()}
    var lse4 = vec4<f32>();
    var delta4 = vec4<f32>();
    ${['x', 'y', 'z', 'w']
      .map(
        (c) => `if (cols.${c} < p.cols) {
      lse4.${c} = lse[(at.z * p.heads + at.y) * p.cols + cols.${c}] * LOG2E;
      delta4.${c} = delta[(at.z * p.heads + at.y) * p.cols + cols.${c}];
    }`,
      )
      .join('\n')}
    ${lines((r) => `s${r} = select(vec4<f32>(), exp2(s${r} * scale - lse4), ${t.takesPart(r, 'keys')});`)}
    ${lines((r) => `dp${r} = select(vec4<f32>(), s${r} * (dp${r} - delta4), ${t.takesPart(r, 'keys')} & vec4<bool>(several));`)}
    ${t.stageWeights('dp')}
    ${t.accumulate('dk', 'q', false)}
    workgroupBarrier();
    ${t.stageWeights('s')}
    ${t.accumulate('dv', 'g', true)}
  }
  ${t.outputs('dk', (name, r, quad) => `store_dk(wid, ${t.row(r)}, ${quad}, ${name} * p.scale);`)}
  ${t.outputs('dv', (name, r, quad) => `store_dv(wid, ${t.row(r)}, ${quad}, ${name});`)}`;
}

/** The pieces that the three passes are written from. */
class TileText {
  readonly rows: number[];
  readonly blockRows: number;
  readonly blockCols: number;
  readonly rowVector: string;
  private readonly quads: number;
  private readonly stride: number;
  private readonly weightStride: number;
  private readonly elements: ReturnType<typeof elementsOf>;

  constructor(
    private readonly pass: Pass,
    readonly plan: TilePlan,
    f16: boolean,
  ) {
    this.elements = elementsOf(plan, pass, f16);
    this.rows = upTo(plan.rowsEach);
    this.blockRows = plan.ty * plan.rowsEach;
    this.blockCols = 4 * plan.tx;
    this.rowVector = plan.rowsEach === 1 ? 'f32' : `vec${plan.rowsEach}<f32>`;
    this.quads = plan.tx * plan.perChunk;
    this.stride = oddStride(this.quads);
    this.weightStride = oddStride(plan.tx);
  }

  /** Workgroup memory; `workgroupBytes` of the plan counts it. */
  memory(): string {
    const { own, other, weights } = this.elements;
    const { tx, ty } = this.plan;
    const two = this.pass !== 'forward' && this.plan.chunks === 1;
    return [
      `var<workgroup> own0: array<vec4<${own}>, ${this.blockRows * this.stride}>;`,
      two ? `var<workgroup> own1: array<vec4<${own}>, ${this.blockRows * this.stride}>;` : '',
      `var<workgroup> other: array<vec4<${other}>, ${this.blockCols * this.stride}>;`,
      `var<workgroup> weights: array<vec4<${weights}>, ${this.blockRows * this.weightStride}>;`,
      this.pass === 'forward' ? `var<workgroup> maxima: array<${this.rowVector}, ${tx * ty}>;` : '',
    ].join('\n');
  }

  /** The limit of a loop: `count`, provably no more. */
  turns(count: number): string {
    return this.plan.rolled ? `min(${count}u, p.turns)` : `${count}u`;
  }

  row(r: number): string {
    return `(row0 + ty + ${r * this.plan.ty}u)`;
  }

  /** The component of a per-row vector. */
  at(r: number): string {
    return this.plan.rowsEach === 1 ? '' : `.${'xyzw'[r]}`;
  }

  columns(): string {
    return `let cols = col0 + tx + vec4<u32>(0u, ${this.plan.tx}u, ${2 * this.plan.tx}u, ${3 * this.plan.tx}u);`;
  }

  /** Which of a row's four columns exist and are not masked: a query sees the keys up to its own position. */
  takesPart(r: number, pass: Pass): string {
    if (pass === 'keys') {
      return `((cols < vec4<u32>(p.cols)) & (cols >= vec4<u32>(select(0u, ${this.row(r)}, p.causal != 0u))))`;
    }
    return `(cols < vec4<u32>(select(p.cols, min(p.cols, ${this.row(r)} + 1u), p.causal != 0u)))`;
  }

  /** Loads the workgroup's own rows once, where the whole head fits. */
  stageRows(name: string, slot: number): string {
    return this.plan.chunks === 1
      ? this.stage(`own${slot}`, name, 'row0', 'p.rows', this.blockRows, '0u')
      : '';
  }

  /** `dots{r}` = the products of the workgroup's rows of `own` with the columns of `other`. Ends unsynchronised. */
  products(dots: string, own: string, other: string, slot: number): string {
    const { chunks, tx, ty } = this.plan;
    const memory = chunks === 1 ? `own${slot}` : 'own0';
    const chunk = `
      workgroupBarrier();
      ${this.stage('other', other, 'col0', 'p.cols', this.blockCols, chunks === 1 ? '0u' : `chunk * ${this.quads}u`)}
      ${chunks === 1 ? '' : this.stage(memory, own, 'row0', 'p.rows', this.blockRows, `chunk * ${this.quads}u`)}
      workgroupBarrier();
      for (var i = 0u; i < ${this.turns(this.quads)}; i++) {
        ${upTo(4)
          .map((c) => `let c${c} = vec4<f32>(other[(tx + ${c * tx}u) * ${this.stride}u + i]);`)
          .join('\n')}
        ${this.rows
          .map(
            (r) => `let r${r} = vec4<f32>(${memory}[(ty + ${r * ty}u) * ${this.stride}u + i]);
        ${[...'xyzw'].map((e) => `${dots}${r} = fma(vec4<f32>(r${r}.${e}), vec4<f32>(c0.${e}, c1.${e}, c2.${e}, c3.${e}), ${dots}${r});`).join('\n')}`,
          )
          .join('\n')}
      }`;
    return [
      ...this.rows.map((r) => `var ${dots}${r} = vec4<f32>();`),
      chunks === 1 ? `{${chunk}}` : `for (var chunk = 0u; chunk < ${this.turns(chunks)}; chunk++) {${chunk}}`,
    ].join('\n');
  }

  stageWeights(name: string): string {
    return this.rows
      .map(
        (r) =>
          `weights[(ty + ${r * this.plan.ty}u) * ${this.weightStride}u + tx] = vec4<${this.elements.weights}>(${name}${r});`,
      )
      .join('\n');
  }

  /** `sums` += weights times the columns of `other`; `load` says that those are not staged already. */
  accumulate(sums: string, other: string, load: boolean): string {
    const { chunks, perChunk, tx, ty } = this.plan;
    return upTo(chunks)
      .map((chunk) => {
        // The barriers also publish the weights; whoever stages next begins with a barrier of its own.
        const stage =
          load || chunks > 1
            ? `workgroupBarrier();\n${this.stage('other', other, 'col0', 'p.cols', this.blockCols, `${chunk * this.quads}u`)}`
            : '';
        const columns = upTo(4).flatMap((c) =>
          upTo(perChunk).flatMap((n) => [
            `let x${c}_${n} = vec4<f32>(other[(i + ${c * tx}u) * ${this.stride}u + tx + ${n * tx}u]);`,
            ...this.rows.map((r) => {
              const sum = this.sum(sums, r, chunk, n);
              return `${sum} = fma(vec4<f32>(w${r}.${'xyzw'[c]}), x${c}_${n}, ${sum});`;
            }),
          ]),
        );
        return `${stage}
    workgroupBarrier();
    for (var i = 0u; i < ${this.turns(tx)}; i++) {
      ${this.rows.map((r) => `let w${r} = vec4<f32>(weights[(ty + ${r * ty}u) * ${this.weightStride}u + i]);`).join('\n')}
      ${columns.join('\n')}
    }`;
      })
      .join('\n');
  }

  zero(sums: string): string {
    return this.outputs(sums, (name) => `var ${name} = vec4<f32>();`);
  }

  /** One statement for each vec4 of output that a thread holds: its name, its row, its place in the head. */
  outputs(sums: string, make: (name: string, r: number, quad: string) => string): string {
    const { chunks, perChunk, tx } = this.plan;
    return this.rows
      .flatMap((r) =>
        upTo(chunks).flatMap((chunk) =>
          upTo(perChunk).map((n) =>
            make(this.sum(sums, r, chunk, n), r, `tx + ${chunk * this.quads + n * tx}u`),
          ),
        ),
      )
      .join('\n');
  }

  private sum(sums: string, r: number, chunk: number, n: number): string {
    return `${sums}${r}_${chunk}_${n}`;
  }

  private stage(
    memory: string,
    name: string,
    first: string,
    count: string,
    rows: number,
    quad0: string,
  ): string {
    const { tx, ty } = this.plan;
    const element = memory === 'other' ? this.elements.other : this.elements.own;
    return `for (var e = index; e < ${this.turns(rows * this.quads)}; e += ${tx * ty}u) {
      let row = e / ${this.quads}u;
      let quad = e % ${this.quads}u;
      ${memory}[row * ${this.stride}u + quad] = vec4<${element}>(fetch_${name}(at, ${first} + row, ${count}, quad + ${quad0}));
    }`;
  }
}
