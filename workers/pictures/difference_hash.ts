/**
 * The difference hash (dHash): whether brightness falls from each of 9 columns to the next, in 8 rows; 64 bits. It
 * changes little when a picture is resized, recompressed or made lighter.
 */

const COLUMNS = 9;
const ROWS = 8;

/** `rgba`: four bytes a pixel, opaque. In hex, 16 digits. */
export function differenceHash(rgba: Uint8ClampedArray, width: number, height: number): string {
  const bright = means(rgba, width, height);
  let bits = 0n;
  for (let row = 0; row < ROWS; row++) {
    for (let column = 0; column + 1 < COLUMNS; column++) {
      const at = row * COLUMNS + column;
      bits = (bits << 1n) | (bright[at] > bright[at + 1] ? 1n : 0n);
    }
  }
  return bits.toString(16).padStart(16, '0');
}

/** Mean luma of each cell, rounded: what a re-encoding changes shall not tip an even area. Every cell has a pixel. */
function means(rgba: Uint8ClampedArray, width: number, height: number): Float64Array {
  const result = new Float64Array(COLUMNS * ROWS);
  for (let row = 0; row < ROWS; row++) {
    const [top, bottom] = span(row, ROWS, height);
    for (let column = 0; column < COLUMNS; column++) {
      const [left, right] = span(column, COLUMNS, width);
      let sum = 0;
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) {
          const at = 4 * (y * width + x);
          // Rec. 601
          sum += 0.299 * rgba[at] + 0.587 * rgba[at + 1] + 0.114 * rgba[at + 2];
        }
      }
      result[row * COLUMNS + column] = Math.round(sum / ((bottom - top) * (right - left)));
    }
  }
  return result;
}

function span(cell: number, cells: number, length: number): [number, number] {
  const start = Math.min(length - 1, Math.floor((cell * length) / cells));
  return [start, Math.max(start + 1, Math.floor(((cell + 1) * length) / cells))];
}
