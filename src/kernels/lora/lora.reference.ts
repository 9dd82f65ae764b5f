/** A linear layer with its LoRA branch, forward and backward, as plain float64 loops; `mask` is drop's factor per h. */
import { linearGradientReference, linearReference } from '../linear/linear.reference';

export interface LoraReferenceInput {
  x: ArrayLike<number>;
  w: ArrayLike<number>;
  bias?: ArrayLike<number>;
  down: ArrayLike<number>;
  up: ArrayLike<number>;
  scale: number;
  mask?: ArrayLike<number>;
  m: number;
  out: number;
  in: number;
  rank: number;
}

function hidden({ x, down, mask, m, in: inn, rank }: LoraReferenceInput): Float64Array {
  return linearReference(x, down, undefined, m, rank, inn).map((v, i) => v * (mask ? mask[i] : 1));
}

export function loraReference(input: LoraReferenceInput): Float64Array {
  const { x, w, bias, up, scale, m, out, in: inn, rank } = input;
  const branch = linearReference(hidden(input), up, undefined, m, out, rank);
  return linearReference(x, w, bias, m, out, inn).map((v, i) => v + scale * branch[i]);
}

export function loraGradientReference(input: LoraReferenceInput, dy: ArrayLike<number>) {
  const { x, w, down, up, scale, mask, m, out, in: inn, rank } = input;
  const h = hidden(input);
  const dh = linearGradientReference(dy, up, m, out, rank).map((v, i) => v * scale * (mask ? mask[i] : 1));
  const branch = linearGradientReference(dh, down, m, rank, inn);
  const dx = linearGradientReference(dy, w, m, out, inn).map((v, i) => v + branch[i]);
  const dDown = new Float64Array(rank * inn);
  const dUp = new Float64Array(out * rank);
  for (let i = 0; i < m; i++) {
    for (let r = 0; r < rank; r++) {
      for (let k = 0; k < inn; k++) dDown[r * inn + k] += dh[i * rank + r] * x[i * inn + k];
      for (let o = 0; o < out; o++) dUp[o * rank + r] += scale * dy[i * out + o] * h[i * rank + r];
    }
  }
  return { dx, dDown, dUp };
}

/** The kernel's dropout factors, 0 or 1 / (1 - rate), from the same hash. */
export function dropoutMask(count: number, rate: number, seed: number, stream: number): Float64Array {
  const scramble = (value: number) => {
    const state = (Math.imul(value, 747796405) + 2891336453) >>> 0;
    const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277803737) >>> 0;
    return ((word >>> 22) ^ word) >>> 0;
  };
  return Float64Array.from({ length: count }, (_, i) => {
    const bits = scramble((scramble((scramble(seed >>> 0) ^ stream) >>> 0) ^ i) >>> 0);
    return (bits >>> 8) / 2 ** 24 < Math.fround(rate) ? 0 : 1 / (1 - rate);
  });
}
