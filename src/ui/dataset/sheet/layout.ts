/**
 * Where the pictures of a contact sheet lie: justified rows (every row as wide as the sheet, pictures uncropped, 3 px
 * apart) or one strip. Arithmetic only, and only over sizes, so ten thousand pictures are laid out without one of
 * them in the page.
 */

export interface Frame {
  readonly index: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  /** Of the picture; its line of text is below. */
  readonly height: number;
}

export interface Layout {
  /** In order. Those of one row share their y. */
  readonly frames: readonly Frame[];
  readonly width: number;
  readonly height: number;
  readonly kind: 'rows' | 'strip';
}

export interface SheetOptions {
  /** Width there is, px. */
  readonly width: number;
  /** Heights of pictures stay near this. */
  readonly rowHeight: number;
  readonly gap: number;
  /** Below each picture: its line of text and the space to the next row. */
  readonly below: number;
}

/** Beyond these a picture would be a thread, or a row by itself: it is shown whole inside a frame of this shape. */
const NARROWEST = 0.4;
const WIDEST = 4;

export function frameRatio({ width, height }: { width: number; height: number }): number {
  return Math.min(WIDEST, Math.max(NARROWEST, width / height));
}

/** Rows are broken where their height comes nearest to `rowHeight`; the last one is not stretched. */
export function justified(ratios: readonly number[], options: SheetOptions): Layout {
  const { width, rowHeight, gap, below } = options;
  const frames: Frame[] = [];
  let y = 0;
  let first = 0;
  while (first < ratios.length) {
    let count = 0;
    let sum = 0;
    let height = Infinity;
    // One more picture makes the row lower; stop when that leads away from the wish.
    for (let index = first; index < ratios.length; index++) {
      const more = sum + (ratios[index] ?? 1);
      const next = (width - gap * count) / more;
      if (count > 0 && Math.abs(next - rowHeight) > Math.abs(height - rowHeight)) break;
      [sum, height] = [more, next];
      count++;
    }
    const full = first + count < ratios.length || height <= rowHeight;
    if (!full) height = rowHeight;
    height = Math.max(1, height);
    let x = 0;
    for (let index = first; index < first + count; index++) {
      const last = full && index === first + count - 1;
      const frameWidth = last ? width - x : (ratios[index] ?? 1) * height;
      frames.push({ index, x, y, width: frameWidth, height });
      x += frameWidth + gap;
    }
    y += height + below;
    first += count;
  }
  return { frames, width, height: y, kind: 'rows' };
}

/** One row that scrolls sideways, for narrow screens. */
export function strip(ratios: readonly number[], { rowHeight, gap, below }: SheetOptions): Layout {
  let x = 0;
  const frames = ratios.map((ratio, index): Frame => {
    const frame = { index, x, y: 0, width: ratio * rowHeight, height: rowHeight };
    x += frame.width + gap;
    return frame;
  });
  return { frames, width: Math.max(0, x - gap), height: rowHeight + below, kind: 'strip' };
}

/** Frames that touch the stretch from `start` to `end`: down the sheet, or along the strip. */
export function framesWithin({ frames, kind }: Layout, start: number, end: number): readonly Frame[] {
  const far = (frame: Frame) => (kind === 'rows' ? frame.y + frame.height : frame.x + frame.width);
  const near = (frame: Frame) => (kind === 'rows' ? frame.y : frame.x);
  const from = firstWhere(frames, (frame) => far(frame) >= start);
  const to = firstWhere(frames, (frame) => near(frame) > end);
  return frames.slice(from, Math.max(from, to));
}

/** The frame above or below: of the next row, the one whose middle is nearest. */
export function verticalNeighbour({ frames }: Layout, index: number, direction: -1 | 1): number {
  const own = frames[index];
  if (!own) return index;
  const middle = own.x + own.width / 2;
  let best = index;
  let distance = Infinity;
  let row: number | undefined;
  for (let at = index; frames[at]; at += direction) {
    const frame = frames[at];
    if (!frame || frame.y === own.y) continue;
    row ??= frame.y;
    if (frame.y !== row) break;
    const away = Math.abs(frame.x + frame.width / 2 - middle);
    if (away < distance) [best, distance] = [frame.index, away];
  }
  return best;
}

/** Binary search: `test` is false, then true. */
function firstWhere(frames: readonly Frame[], test: (frame: Frame) => boolean): number {
  let [low, high] = [0, frames.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const frame = frames[middle];
    if (frame && test(frame)) high = middle;
    else low = middle + 1;
  }
  return low;
}
