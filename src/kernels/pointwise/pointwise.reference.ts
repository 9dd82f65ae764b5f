/** The pointwise functions in float64, with their derivatives, one number at a time. */

export interface Activation {
  value(x: number): number;
  slope(x: number): number;
}

export const siluReference: Activation = {
  value: (x) => x * sigmoid(x),
  slope: (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))),
};

export const quickGeluReference: Activation = {
  value: (x) => x * sigmoid(1.702 * x),
  slope: (x) => sigmoid(1.702 * x) * (1 + 1.702 * x * (1 - sigmoid(1.702 * x))),
};

export const geluReference: Activation = {
  value: (x) => x * normalCdf(x),
  slope: (x) => normalCdf(x) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI),
};

/** [rows, 2C] -> [rows, C]. */
export function gegluReference(x: ArrayLike<number>, half: number): Float64Array {
  return Float64Array.from({ length: x.length / 2 }, (_, i) => {
    const at = i + Math.floor(i / half) * half;
    return x[at] * geluReference.value(x[at + half]);
  });
}

export function gegluGradientReference(
  x: ArrayLike<number>,
  half: number,
  dy: ArrayLike<number>,
): Float64Array {
  const dx = new Float64Array(x.length);
  for (let i = 0; i < dy.length; i++) {
    const at = i + Math.floor(i / half) * half;
    dx[at] = dy[i] * geluReference.value(x[at + half]);
    dx[at + half] = dy[i] * x[at] * geluReference.slope(x[at + half]);
  }
  return dx;
}

/**
 * The normal distribution's integral. Near zero the series of erf; beyond, the continued fraction of erfc
 * (Abramowitz & Stegun 7.1.6 and 7.1.14), both carried far past float64's precision.
 */
export function normalCdf(x: number): number {
  const a = Math.abs(x) / Math.SQRT2;
  let tail: number; // erfc(a) / 2
  if (a < 2.5) {
    let term = a;
    let sum = a;
    for (let n = 1; n < 100; n++) {
      term *= (2 * a * a) / (2 * n + 1);
      sum += term;
    }
    tail = 0.5 - (Math.exp(-a * a) * sum) / Math.sqrt(Math.PI);
  } else {
    let fraction = 0;
    for (let n = 200; n > 0; n--) fraction = n / 2 / (a + fraction);
    tail = Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction) / 2;
  }
  return x < 0 ? tail : 1 - tail;
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
