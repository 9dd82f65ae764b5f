/** Attention and its gradient in float64 loops, straight from the equations; scores materialised, one row at a time. */

export interface Problem {
  batch: number;
  /** Queries, keys, channels over all heads. */
  n: number;
  m: number;
  channels: number;
  heads: number;
  causal: boolean;
  scale: number;
}

type Values = ArrayLike<number>;

/** q [batch, n, channels], k and v [batch, m, channels] to o [batch, n, channels] and lse [batch, heads, n]. */
export function attentionReference(q: Values, k: Values, v: Values, problem: Problem) {
  const o = new Float64Array(q.length);
  const lse = new Float64Array(problem.batch * problem.heads * problem.n);
  eachRow(problem, (row) => {
    const scores = row.keys.map((key) => problem.scale * dot(q, row.query, k, key, row.size));
    const maximum = Math.max(...scores);
    const sum = scores.reduce((total, s) => total + Math.exp(s - maximum), 0);
    lse[row.index] = maximum + Math.log(sum);
    row.keys.forEach((key, j) => {
      const weight = Math.exp(scores[j] - maximum) / sum;
      for (let d = 0; d < row.size; d++) o[row.query + d] += weight * v[key + d];
    });
  });
  return { o, lse };
}

/** Gradients of sum(o * dout) in q, k and v. */
export function attentionGradientReference(q: Values, k: Values, v: Values, dout: Values, problem: Problem) {
  const { o, lse } = attentionReference(q, k, v, problem);
  const dq = new Float64Array(q.length);
  const dk = new Float64Array(k.length);
  const dv = new Float64Array(v.length);
  eachRow(problem, ({ query, keys, size, index }) => {
    const delta = dot(dout, query, o, query, size);
    for (const key of keys) {
      const weight = Math.exp(problem.scale * dot(q, query, k, key, size) - lse[index]);
      const ds = problem.scale * weight * (dot(dout, query, v, key, size) - delta);
      for (let d = 0; d < size; d++) {
        dv[key + d] += weight * dout[query + d];
        dq[query + d] += ds * k[key + d];
        dk[key + d] += ds * q[query + d];
      }
    }
  });
  return { dq, dk, dv };
}

/** Calls `visit` for each query of each head: where its channels start, and those of the keys it may see. */
function eachRow(
  { batch, n, m, channels, heads, causal }: Problem,
  visit: (row: { query: number; keys: number[]; size: number; index: number }) => void,
): void {
  const size = channels / heads;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < n; i++) {
        const seen = causal ? Math.min(m, i + 1) : m;
        const keys = Array.from({ length: seen }, (_, j) => (b * m + j) * channels + h * size);
        visit({ query: (b * n + i) * channels + h * size, keys, size, index: (b * heads + h) * n + i });
      }
    }
  }
}

function dot(a: Values, atA: number, b: Values, atB: number, count: number): number {
  let sum = 0;
  for (let d = 0; d < count; d++) sum += a[atA + d] * b[atB + d];
  return sum;
}
