/** The weighted squared error and linear mixtures in float64. */

export function weightedMseReference(
  pred: ArrayLike<number>,
  target: ArrayLike<number>,
  weights: ArrayLike<number>,
): number {
  const count = pred.length / weights.length;
  let loss = 0;
  for (let i = 0; i < pred.length; i++) loss += weights[Math.floor(i / count)] * (pred[i] - target[i]) ** 2;
  return loss / pred.length;
}

export function weightedMseGradientReference(
  pred: ArrayLike<number>,
  target: ArrayLike<number>,
  weights: ArrayLike<number>,
): Float64Array {
  const count = pred.length / weights.length;
  return Float64Array.from(
    pred,
    (v, i) => (2 * weights[Math.floor(i / count)] * (v - target[i])) / pred.length,
  );
}

/** Each batch's coefs[b, 0] a + coefs[b, 1] b. */
export function linearCombinationReference(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  coefs: ArrayLike<number>,
): Float64Array {
  const count = a.length / (coefs.length / 2);
  return Float64Array.from(a, (v, i) => {
    const k = Math.floor(i / count);
    return coefs[2 * k] * v + coefs[2 * k + 1] * b[i];
  });
}
