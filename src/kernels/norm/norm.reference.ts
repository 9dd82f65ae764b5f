/** Group and layer normalisation in float64 loops, forward and backward. */

export interface GroupNormProblem {
  batch: number;
  rows: number;
  channels: number;
  groups: number;
  eps: number;
  silu: boolean;
  x: ArrayLike<number>;
  gamma: ArrayLike<number>;
  beta: ArrayLike<number>;
  /** [B, C]; zeros where there is none. */
  shift: ArrayLike<number>;
}

/** y [B, N, C]. */
export function groupNormReference(problem: GroupNormProblem): Float64Array {
  const y = new Float64Array(problem.x.length);
  forEachGroup(problem, (at, xhat) => {
    at.forEach((i, k) => {
      const z = affine(problem, i, xhat[k]);
      y[i] = problem.silu ? z * sigmoid(z) : z;
    });
  });
  return y;
}

/** dx [B, N, C] for the output gradient dy. */
export function groupNormGradientReference(problem: GroupNormProblem, dy: ArrayLike<number>): Float64Array {
  const dx = new Float64Array(problem.x.length);
  forEachGroup(problem, (at, xhat, rstd) => {
    const g = at.map((i, k) => {
      const z = affine(problem, i, xhat[k]);
      const s = sigmoid(z);
      return problem.gamma[i % problem.channels] * dy[i] * (problem.silu ? s * (1 + z * (1 - s)) : 1);
    });
    normGradient(g, xhat, rstd).forEach((d, k) => (dx[at[k]] = d));
  });
  return dx;
}

/** [B, C]: the sum over the rows of each batch of dx [B, N, C], which is the gradient of the shift. */
export function pixelSumsReference(
  { batch, rows, channels }: Pick<GroupNormProblem, 'batch' | 'rows' | 'channels'>,
  dx: ArrayLike<number>,
): Float64Array {
  const sums = new Float64Array(batch * channels);
  for (let i = 0; i < dx.length; i++)
    sums[Math.floor(i / (rows * channels)) * channels + (i % channels)] += dx[i];
  return sums;
}

/** y [rows, C]. */
export function layerNormReference(
  x: ArrayLike<number>,
  gamma: ArrayLike<number>,
  beta: ArrayLike<number>,
  eps: number,
): Float64Array {
  const channels = gamma.length;
  const y = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += channels) {
    const { xhat } = standardised(
      Array.from({ length: channels }, (_, c) => x[start + c]),
      eps,
    );
    xhat.forEach((v, c) => (y[start + c] = gamma[c] * v + beta[c]));
  }
  return y;
}

export function layerNormGradientReference(
  x: ArrayLike<number>,
  gamma: ArrayLike<number>,
  eps: number,
  dy: ArrayLike<number>,
): Float64Array {
  const channels = gamma.length;
  const dx = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += channels) {
    const { xhat, rstd } = standardised(
      Array.from({ length: channels }, (_, c) => x[start + c]),
      eps,
    );
    const g = xhat.map((_, c) => gamma[c] * dy[start + c]);
    normGradient(g, xhat, rstd).forEach((d, c) => (dx[start + c] = d));
  }
  return dx;
}

// ---------------------------------------------------------------------------------------------------------------

function forEachGroup(
  { batch, rows, channels, groups, eps, x, shift }: GroupNormProblem,
  visit: (at: number[], xhat: number[], rstd: number) => void,
): void {
  const perGroup = channels / groups;
  for (let b = 0; b < batch; b++) {
    for (let g = 0; g < groups; g++) {
      const at: number[] = [];
      for (let row = 0; row < rows; row++) {
        for (let c = g * perGroup; c < (g + 1) * perGroup; c++) at.push((b * rows + row) * channels + c);
      }
      const values = at.map((i) => x[i] + shift[b * channels + (i % channels)]);
      const { xhat, rstd } = standardised(values, eps);
      visit(at, xhat, rstd);
    }
  }
}

function standardised(values: number[], eps: number): { xhat: number[]; rstd: number } {
  const mean = average(values);
  const rstd = 1 / Math.sqrt(average(values.map((v) => (v - mean) ** 2)) + eps);
  return { xhat: values.map((v) => (v - mean) * rstd), rstd };
}

/** The gradient through (x - mean) / deviation, for the gradient g of the standardised value. */
function normGradient(g: number[], xhat: number[], rstd: number): number[] {
  const mean = average(g);
  const product = average(g.map((v, k) => v * xhat[k]));
  return g.map((v, k) => rstd * (v - mean - xhat[k] * product));
}

function affine({ gamma, beta, channels }: GroupNormProblem, i: number, xhat: number): number {
  return gamma[i % channels] * xhat + beta[i % channels];
}

function average(values: number[]): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}

function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z));
}
