// Singular values of a LoRA's change up·down without the product ever being made: QR of both factors, then a one-sided
// Jacobi SVD of what is left between them, rank by rank. All in f64. Sources: Golub & Van Loan, Matrix Computations, 5.2
// (Householder QR) and 8.6 (one-sided Jacobi).

/** Column after column: element [r, c] lies at c * rows + r. */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float64Array;
}

export function matrix(rows: number, cols: number): Matrix {
  return { rows, cols, data: new Float64Array(rows * cols) };
}

/** The `index`-th column, as a window. */
export function column({ rows, data }: Matrix, index: number): Float64Array {
  return data.subarray(index * rows, (index + 1) * rows);
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** a b^T for a [m, n] and b [p, n]; [m, p]. */
export function timesTransposed(a: Matrix, b: Matrix): Matrix {
  const product = matrix(a.rows, b.rows);
  for (let k = 0; k < a.cols; k++) {
    const [x, y] = [column(a, k), column(b, k)];
    for (let c = 0; c < b.rows; c++) {
      const factor = y[c];
      if (factor !== 0) addTo(column(product, c), x, factor);
    }
  }
  return product;
}

/** a b for a [m, n] and b [n, p]; [m, p]. */
export function times(a: Matrix, b: Matrix): Matrix {
  const product = matrix(a.rows, b.cols);
  for (let c = 0; c < b.cols; c++) {
    const factors = column(b, c);
    for (let k = 0; k < a.cols; k++)
      if (factors[k] !== 0) addTo(column(product, c), column(a, k), factors[k]);
  }
  return product;
}

function addTo(target: Float64Array, source: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i] += factor * source[i];
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/**
 * Makes a vector one of length 1, unless it is zero. Scaled before it is squared: what rounding leaves of a column that
 * depends on others may be so small that its squares vanish.
 */
function toUnit(values: Float64Array): boolean {
  if (!divide(values, largest(values))) return false;
  return divide(values, Math.sqrt(dot(values, values)));
}

/** Whether there was anything to divide by. */
function divide(values: Float64Array, divisor: number): boolean {
  if (divisor !== 0) for (let i = 0; i < values.length; i++) values[i] /= divisor;
  return divisor !== 0;
}

/** a [m, n] = q r, with q [m, p] of orthonormal columns and r [p, n] upper triangular, p the smaller of m and n. */
export function qr(a: Matrix): { q: Matrix; r: Matrix } {
  const { rows: m, cols: n } = a;
  const p = Math.min(m, n);
  const work: Matrix = { rows: m, cols: n, data: a.data.slice() };
  /** Of each reflection I - 2 v v^T, v being of length 1 and zero above its own row; none where nothing is to be done. */
  const reflections: (Float64Array | undefined)[] = [];
  for (let k = 0; k < p; k++) {
    const v = column(work, k).slice(k);
    if (!toUnit(v)) {
      reflections.push(undefined);
      continue;
    }
    v[0] += v[0] < 0 ? -1 : 1;
    toUnit(v);
    reflections.push(v);
    for (let c = k; c < n; c++) reflect(column(work, c).subarray(k), v);
  }
  const r = matrix(p, n);
  for (let c = 0; c < n; c++) column(r, c).set(column(work, c).subarray(0, Math.min(c + 1, p)));
  const q = matrix(m, p);
  for (let c = 0; c < p; c++) {
    const target = column(q, c);
    target[c] = 1;
    for (let k = p - 1; k >= 0; k--) {
      const v = reflections[k];
      if (v) reflect(target.subarray(k), v);
    }
  }
  return { q, r };
}

function reflect(x: Float64Array, v: Float64Array): void {
  addTo(x, v, -2 * dot(v, x));
}

export interface Svd {
  /** [m, n], orthonormal columns (zeros where the singular value is zero). */
  readonly u: Matrix;
  /** Falling, not negative; n of them. */
  readonly s: Float64Array;
  /** [n, n] */
  readonly v: Matrix;
}

/** Far more than any matrix has needed; each makes the columns more orthogonal, quadratically in the end. */
const mostSweeps = 60;

/** a [m, n] = u diag(s) v^T, for any m and n; with the smaller of m and n singular values. */
export function svd(a: Matrix): Svd {
  if (a.rows < a.cols) {
    const { u, s, v } = svd(transposed(a));
    return { u: v, s, v: u };
  }
  const { rows: m, cols: n } = a;
  const work: Matrix = { rows: m, cols: n, data: a.data.slice() };
  const scale = largest(work.data);
  divide(work.data, scale);
  const right = matrix(n, n);
  for (let i = 0; i < n; i++) column(right, i)[i] = 1;
  for (let sweep = 0; sweep < mostSweeps && rotateAll(work, right); sweep++);
  const norms = Array.from({ length: n }, (_, i) => Math.sqrt(dot(column(work, i), column(work, i))));
  const order = norms.map((_, i) => i).sort((x, y) => norms[y] - norms[x]);
  const [u, v] = [matrix(m, n), matrix(n, n)];
  order.forEach((from, to) => {
    column(u, to).set(column(work, from));
    toUnit(column(u, to));
    column(v, to).set(column(right, from));
  });
  return { u, s: Float64Array.from(order, (i) => norms[i] * scale), v };
}

/** Turns each pair of columns so that they are orthogonal; whether any was not. */
function rotateAll(work: Matrix, right: Matrix): boolean {
  let turned = false;
  for (let i = 0; i < work.cols - 1; i++) {
    for (let j = i + 1; j < work.cols; j++) {
      const [x, y] = [column(work, i), column(work, j)];
      const [a, b, c] = [dot(x, x), dot(y, y), dot(x, y)];
      if (!(Math.abs(c) > 1e-15 * Math.sqrt(a) * Math.sqrt(b))) continue;
      turned = true;
      const zeta = (b - a) / (2 * c);
      const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
      const cosine = 1 / Math.hypot(1, t);
      rotate(x, y, cosine, cosine * t);
      rotate(column(right, i), column(right, j), cosine, cosine * t);
    }
  }
  return turned;
}

function rotate(x: Float64Array, y: Float64Array, cosine: number, sine: number): void {
  for (let i = 0; i < x.length; i++) {
    const [p, q] = [x[i], y[i]];
    x[i] = cosine * p - sine * q;
    y[i] = sine * p + cosine * q;
  }
}

function transposed(a: Matrix): Matrix {
  const result = matrix(a.cols, a.rows);
  for (let c = 0; c < a.cols; c++)
    for (let r = 0; r < a.rows; r++) result.data[r * a.cols + c] = a.data[c * a.rows + r];
  return result;
}
