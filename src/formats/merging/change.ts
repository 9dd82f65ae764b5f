// What one module of a LoRA adds to the base model: alpha / rank · up·down, as a norm and as singular values, without the
// product of the full size. Matrices: up [out, rank], down [rank, in].
import type { LoraModule } from '../lora/kohya_lora';
import { matrix, qr, svd, times, timesTransposed, type Matrix } from './svd';

export function rankOf({ downShape }: Pick<LoraModule, 'downShape'>): number {
  return downShape[0];
}

/** By what the product is multiplied: alpha / rank. */
export function strengthOf(module: Pick<LoraModule, 'downShape' | 'alpha'>): number {
  return module.alpha / rankOf(module);
}

/** Frobenius norm of the change, by the factors' Gram matrices: its square is the sum of (up^T up) * (down down^T). */
export function changeNorm(module: LoraModule): number {
  const rank = rankOf(module);
  const up = columnsOfUp(module);
  const down = columnsOfDown(module);
  let square = 0;
  for (let i = 0; i < rank; i++) {
    for (let j = 0; j <= i; j++) square += (i === j ? 1 : 2) * gram(up, i, j) * gram(down, i, j);
  }
  return Math.abs(strengthOf(module)) * Math.sqrt(Math.max(square, 0));
}

function gram({ rows, data }: Matrix, i: number, j: number): number {
  let sum = 0;
  for (let r = 0; r < rows; r++) sum += data[i * rows + r] * data[j * rows + r];
  return sum;
}

/** The change as left · diag(values) · right^T; both sides have orthonormal columns, the values fall. */
export interface ChangeSvd {
  /** [out, k] */
  readonly left: Matrix;
  readonly values: Float64Array;
  /** [in, k] */
  readonly right: Matrix;
}

export function changeSvd(module: LoraModule): ChangeSvd {
  const up = qr(columnsOfUp(module));
  const down = qr(columnsOfDown(module));
  const { u, s, v } = svd(timesTransposed(up.r, down.r));
  const strength = strengthOf(module);
  if (strength < 0) for (let i = 0; i < u.data.length; i++) u.data[i] = -u.data[i];
  return {
    left: times(up.q, u),
    values: s.map((value) => value * Math.abs(strength)),
    right: times(down.q, v),
  };
}

function columnsOfUp(module: LoraModule): Matrix {
  const rank = rankOf(module);
  const rows = module.up.length / rank;
  const columns = matrix(rows, rank);
  for (let r = 0; r < rows; r++)
    for (let k = 0; k < rank; k++) columns.data[k * rows + r] = module.up[r * rank + k];
  return columns;
}

/** down^T [in, rank]: its columns are the rows of down, as they lie in the file. */
function columnsOfDown(module: LoraModule): Matrix {
  const rank = rankOf(module);
  return { rows: module.down.length / rank, cols: rank, data: Float64Array.from(module.down) };
}
