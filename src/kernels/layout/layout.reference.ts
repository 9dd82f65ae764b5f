/** Moves of values in plain loops. */

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
