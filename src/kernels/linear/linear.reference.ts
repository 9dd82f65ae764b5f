/** The linear layer and its input gradient as plain float64 loops. */

/** y [m, out] = x [m, in] w^T [out, in] + bias. */
export function linearReference(
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  bias: ArrayLike<number> | undefined,
  m: number,
  out: number,
  inn: number,
): Float64Array {
  const y = new Float64Array(m * out);
  for (let i = 0; i < m; i++) {
    for (let o = 0; o < out; o++) {
      let sum = bias ? bias[o] : 0;
      for (let k = 0; k < inn; k++) sum += x[i * inn + k] * w[o * inn + k];
      y[i * out + o] = sum;
    }
  }
  return y;
}

/** dx [m, in] = dy [m, out] w [out, in]. */
export function linearGradientReference(
  dy: ArrayLike<number>,
  w: ArrayLike<number>,
  m: number,
  out: number,
  inn: number,
): Float64Array {
  const dx = new Float64Array(m * inn);
  for (let i = 0; i < m; i++) {
    for (let o = 0; o < out; o++) {
      for (let k = 0; k < inn; k++) dx[i * inn + k] += dy[i * out + o] * w[o * inn + k];
    }
  }
  return dx;
}
