/**
 * Attention with whole rows in a thread's registers and nothing shared: the columns are read straight from storage, at
 * addresses that are the same for every thread. Always f32. The text is unrolled over the head, whose size it contains.
 */
import type { Program } from '../program';
import { bindings, CONSTANTS, fetch, severalKeys, store, upTo } from './bindings.wgsl';
import type { Pass, RowPlan } from './plan';

export function rowProgram(pass: Pass, plan: RowPlan, size: number): Omit<Program, 'name'> {
  const vec4 = size % 4 === 0;
  const text = new RowText(size, plan);
  const body = { forward: forward, queries: queries, keys: keys }[pass](text);
  const { inputs, outputs, params } = bindings(pass, vec4);
  const own = { forward: ['q'], queries: ['q', 'g'], keys: ['k', 'v'] }[pass];
  const wgsl = [
    CONSTANTS,
    ...own.map((name) => fetch(name, vec4)),
    ...Object.keys(outputs)
      .filter((name) => name !== 'lse')
      .map((name) => store(name, vec4)),
    `@compute @workgroup_size(${plan.threads})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_id) lid: vec3<u32>) {
  let base = (wid.x + p.first) * ${plan.threads * plan.rowsEach}u;
  let scale = p.scale * LOG2E;`,
    text.each((r) => `let row${r} = base + lid.x + ${r * plan.threads}u;`),
    body,
    '}',
  ].join('\n');
  return { inputs, outputs, params, wgsl };
}

function forward(t: RowText): string {
  return `
  ${t.own('q', 'scale')}
  ${t.zero('o')}
  ${t.each((r) => `var maximum${r} = FLOOR;\nvar sum${r} = 0.0;\n${t.limit(r)}`)}
  ${t.end()}
  for (var col0 = 0u; col0 < end; col0 += ${t.plan.columns}u) {
    ${t.addresses()}
    ${t.products('s', 'q', 'k')}
    ${t.each(
      (r) => `${t.scores(r, (c, s) => `let w${r}_${c} = select(SCORE, ${s}, col0 + ${c}u < limit${r});`)}
    let top${r} = max(maximum${r}, ${t.columns.map((c) => `w${r}_${c}`).reduce((a, b) => `max(${a}, ${b})`)});
    let fade${r} = exp2(maximum${r} - top${r});
    maximum${r} = top${r};
    ${t.scores(r, (c) => `let e${r}_${c} = exp2(w${r}_${c} - top${r});`)}
    sum${r} = sum${r} * fade${r} + ${t.columns.map((c) => `e${r}_${c}`).join(' + ')};`,
    )}
    ${t.accumulate('o', 'e', 'v', 'fade')}
  }
  ${t.outputs('o', (name, r) => `${name} / sum${r}`)}
  ${t.each(
    (r) =>
      `if (row${r} < p.rows) { lse[(wid.z * p.heads + wid.y) * p.rows + row${r}] = logSumExp(maximum${r}, sum${r}); }`,
  )}`;
}

function queries(t: RowText): string {
  return `
  ${t.own('q', 'scale')}
  ${t.own('g')}
  ${t.zero('dq')}
  ${severalKeys('cols')}
  ${t.each(
    (r) => `let saved${r} = (wid.z * p.heads + wid.y) * p.rows + min(row${r}, p.rows - 1u);
  let lse${r} = lse[saved${r}] * LOG2E;
  let delta${r} = delta[saved${r}];
  ${t.limit(r)}`,
  )}
  ${t.end()}
  for (var col0 = 0u; col0 < end; col0 += ${t.plan.columns}u) {
    ${t.addresses()}
    ${t.products('s', 'q', 'k')}
    ${t.products('dp', 'g', 'v')}
    ${t.each((r) =>
      t.scores(
        r,
        (c, s, dp) =>
          `let w${r}_${c} = select(0.0, exp2(${s} - lse${r}) * (${dp} - delta${r}), several && col0 + ${c}u < limit${r});`,
      ),
    )}
    ${t.accumulate('dq', 'w', 'k')}
  }
  ${t.outputs('dq', (name) => `${name} * p.scale`)}`;
}

function keys(t: RowText): string {
  return `
  ${t.own('k', 'scale')}
  ${t.own('v')}
  ${t.zero('dk')}
  ${t.zero('dv')}
  ${severalKeys('rows')}
  ${t.each((r) => `let first${r} = select(0u, row${r}, p.causal != 0u);`)}
  for (var col0 = select(0u, base, p.causal != 0u); col0 < p.cols; col0 += ${t.plan.columns}u) {
    ${t.addresses()}
    ${t.columns
      .map(
        (c) => `let saved${c} = (wid.z * p.heads + wid.y) * p.cols + col${c};
    let lse${c} = lse[saved${c}] * LOG2E;
    let delta${c} = delta[saved${c}];`,
      )
      .join('\n')}
    ${t.products('s', 'k', 'q')}
    ${t.products('dp', 'v', 'g')}
    ${t.each((r) =>
      t.scores(
        r,
        (c, s, dp) => `let seen${r}_${c} = col0 + ${c}u < p.cols && col0 + ${c}u >= first${r};
    let w${r}_${c} = select(0.0, exp2(${s} - lse${c}), seen${r}_${c});
    let d${r}_${c} = select(0.0, w${r}_${c} * (${dp} - delta${c}), several && seen${r}_${c});`,
      ),
    )}
    ${t.accumulate('dk', 'd', 'q')}
    ${t.accumulate('dv', 'w', 'g')}
  }
  ${t.outputs('dk', (name) => `${name} * p.scale`)}
  ${t.outputs('dv', (name) => name)}`;
}

/** The pieces that the three passes are written from. */
class RowText {
  readonly columns: number[];
  private readonly rows: number[];
  private readonly quads: number[];

  constructor(
    private readonly size: number,
    readonly plan: RowPlan,
  ) {
    this.columns = upTo(plan.columns);
    this.rows = upTo(plan.rowsEach);
    this.quads = upTo(Math.ceil(size / 4));
  }

  /** One piece of text for each of a thread's rows. */
  each(make: (r: number) => string): string {
    return this.rows.map(make).join('\n');
  }

  /** A thread's rows of `name`; the last one again beyond the end, where nothing is stored. */
  own(name: string, factor?: string): string {
    const times = factor ? ` * ${factor}` : '';
    return this.each((r) =>
      this.quads
        .map(
          (i) =>
            `let ${name}${r}_${i} = fetch_${name}(wid, min(row${r}, p.rows - 1u), p.rows, ${i}u)${times};`,
        )
        .join('\n'),
    );
  }

  zero(sums: string): string {
    return this.each((r) => this.quads.map((i) => `var ${sums}${r}_${i} = vec4<f32>();`).join('\n'));
  }

  /** A query sees the keys up to its own position. */
  limit(r: number): string {
    return `let limit${r} = select(p.cols, min(p.cols, row${r} + 1u), p.causal != 0u);`;
  }

  end(): string {
    return `let end = select(p.cols, min(p.cols, base + ${this.plan.threads * this.plan.rowsEach}u), p.causal != 0u);`;
  }

  /** Where the columns start. Beyond the end, the last column again: it is masked later. */
  addresses(): string {
    const unit = this.size % 4 === 0 ? this.size / 4 : this.size;
    return this.columns
      .map(
        (c) => `let col${c} = min(col0 + ${c}u, p.cols - 1u);
    let at${c} = ((wid.z * p.cols + col${c}) * p.heads + wid.y) * ${unit}u;`,
      )
      .join('\n');
  }

  /** `dots{r}_{c}`: the vec4 whose components add up to row r times column c. Every load serves all rows. */
  products(dots: string, own: string, other: string): string {
    return this.columns
      .flatMap((c) =>
        this.quads.flatMap((i) => [
          `let ${dots}${c}x${i} = ${this.column(other, c, i)};`,
          ...this.rows.map((r) => {
            const term = `${own}${r}_${i} * ${dots}${c}x${i};`;
            return i === 0 ? `var ${dots}${r}_${c} = ${term}` : `${dots}${r}_${c} += ${term}`;
          }),
        ]),
      )
      .join('\n');
  }

  /** Text for each column of a row, given its score and the other product as expressions. */
  scores(r: number, make: (c: number, s: string, dp: string) => string): string {
    const total = (name: string) => `((${name}.x + ${name}.y) + (${name}.z + ${name}.w))`;
    return this.columns.map((c) => make(c, total(`s${r}_${c}`), total(`dp${r}_${c}`))).join('\n');
  }

  /** `sums` = `sums` times the row's `fade`, plus weights times columns. */
  accumulate(sums: string, weights: string, other: string, fade?: string): string {
    return this.quads
      .flatMap((i) => [
        ...this.columns.map((c) => `let ${sums}${c}y${i} = ${this.column(other, c, i)};`),
        ...this.rows.map((r) => {
          const before = `${sums}${r}_${i}${fade ? ` * ${fade}${r}` : ''}`;
          const terms = this.columns.map((c) => `${weights}${r}_${c} * ${sums}${c}y${i}`);
          return `${sums}${r}_${i} = ${before} + ${terms.join(' + ')};`;
        }),
      ])
      .join('\n');
  }

  outputs(sums: string, value: (name: string, r: number) => string): string {
    return this.each((r) =>
      this.quads
        .map((i) => `store_${sums}(wid, row${r}, ${i}u, ${value(`${sums}${r}_${i}`, r)});`)
        .join('\n'),
    );
  }

  private column(name: string, c: number, i: number): string {
    if (this.size % 4 === 0) return `read_${name}(at${c} + ${i}u)`;
    const parts = upTo(4).map((n) =>
      4 * i + n < this.size ? `read_${name}(at${c} + ${4 * i + n}u)` : '0.0',
    );
    return `vec4<f32>(${parts.join(', ')})`;
  }
}
