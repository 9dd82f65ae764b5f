/** Moves of values in plain loops. */

/** [B, H, W, C] -> [B, 2H, 2W, C]. */
export function upsampleReference(x: ArrayLike<number>, [b, h, w, c]: number[]): Float64Array {
  const y = new Float64Array(4 * x.length);
  forEachCopy([b, h, w, c], (from, to) => (y[to] = x[from]));
  return y;
}

export function upsampleGradientReference(dy: ArrayLike<number>, [b, h, w, c]: number[]): Float64Array {
  const dx = new Float64Array(dy.length / 4);
  forEachCopy([b, h, w, c], (from, to) => (dx[from] += dy[to]));
  return dx;
}

export function concatReference(
  a: ArrayLike<number>,
  ca: number,
  b: ArrayLike<number>,
  cb: number,
): Float64Array {
  const y: number[] = [];
  for (let row = 0; row * ca < a.length; row++) {
    for (let c = 0; c < ca; c++) y.push(a[row * ca + c]);
    for (let c = 0; c < cb; c++) y.push(b[row * cb + c]);
  }
  return Float64Array.from(y);
}

export function sliceReference(
  x: ArrayLike<number>,
  stride: number,
  start: number,
  columns: number,
): Float64Array {
  return Float64Array.from(x).filter((_, i) => i % stride >= start && i % stride < start + columns);
}

export function gatherReference(
  x: ArrayLike<number>,
  columns: number,
  rows: ArrayLike<number>,
): Float64Array {
  return Float64Array.from(
    Array.from(rows).flatMap((r) => Array.from({ length: columns }, (_, c) => x[r * columns + c])),
  );
}

export function scatterReference(
  dy: ArrayLike<number>,
  columns: number,
  rows: ArrayLike<number>,
  sourceRows: number,
): Float64Array {
  const dx = new Float64Array(sourceRows * columns);
  for (let s = 0; s < rows.length; s++) {
    for (let c = 0; c < columns; c++) dx[rows[s] * columns + c] += dy[s * columns + c];
  }
  return dx;
}

function forEachCopy([batches, h, w, c]: number[], visit: (from: number, to: number) => void): void {
  for (let b = 0; b < batches; b++) {
    for (let i = 0; i < 2 * h; i++) {
      for (let j = 0; j < 2 * w; j++) {
        for (let k = 0; k < c; k++) {
          visit(((b * h + (i >> 1)) * w + (j >> 1)) * c + k, ((b * 2 * h + i) * 2 * w + j) * c + k);
        }
      }
    }
  }
}
