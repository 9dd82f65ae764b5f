/** Quantization in float64, in plain loops, and what its codes stand for. */
import { BLOCK, NF4, type Quantized } from './frozen';

export interface QuantizedReference {
  /** One a value: -127 to 127, or an index into `NF4`. */
  codes: number[];
  /** One a block of 64. */
  magnitudes: number[];
  /** What the codes stand for. */
  values: Float32Array;
}

/** `weights` are as many halves as make whole blocks. */
export function quantizeReference(storage: Quantized, weights: ArrayLike<number>): QuantizedReference {
  const values = new Float32Array(weights.length);
  const codes: number[] = [];
  const magnitudes: number[] = [];
  for (let from = 0; from < weights.length; from += BLOCK) {
    let most = 0;
    for (let i = from; i < from + BLOCK; i++) most = Math.max(most, Math.abs(weights[i]));
    magnitudes.push(most);
    for (let i = from; i < from + BLOCK; i++) {
      const code = most === 0 ? ZERO[storage] : NEAREST[storage](weights[i], most);
      codes.push(code);
      values[i] = STANDS_FOR[storage](code) * most;
    }
  }
  return { codes, magnitudes, values };
}

const ZERO: Readonly<Record<Quantized, number>> = { int8: 0, nf4: 7 };

const NEAREST: Readonly<Record<Quantized, (w: number, most: number) => number>> = {
  int8: (w, most) => roundEven((127 * w) / most),
  nf4: (w, most) => {
    const distances = NF4.map((value) => Math.abs(value - w / most));
    return distances.indexOf(Math.min(...distances));
  },
};

const STANDS_FOR: Readonly<Record<Quantized, (code: number) => number>> = {
  int8: (code) => code / 127,
  nf4: (code) => NF4[code],
};

function roundEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
}
