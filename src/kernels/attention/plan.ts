/**
 * How the work of attention is cut for an adapter: which of the two shader shapes, and its tile.
 *
 * `tiles`: a workgroup owns `ty * rowsEach` rows and walks over the others, `4 * tx` at a time, through workgroup
 * memory; a thread has `rowsEach` x 4 scores and `rowsEach` x `chunks * perChunk` vec4s of the output. The head is
 * padded to `4 * tx * chunks * perChunk` channels, so `tx` is chosen for the head size (10 for 40, 80 and 160).
 * `rows`: one thread, one row, all in registers, the others read straight from storage at uniform addresses. For
 * tiny heads. CPU adapters get tiles too: measured on lavapipe, they are faster from 40 channels on, and the rows'
 * unrolled text takes its compiler a minute.
 */

/** The three shaders: the forward pass, the gradient of the queries, and that of the keys and values. */
export type Pass = 'forward' | 'queries' | 'keys';

export interface TilePlan {
  readonly kind: 'tiles';
  /** Threads across columns; a multiple of the four columns each has. */
  readonly tx: number;
  /** Threads across rows. */
  readonly ty: number;
  readonly rowsEach: 1 | 2 | 4;
  /** The head is staged in this many pieces, of `tx * perChunk` vec4s. */
  readonly chunks: number;
  readonly perChunk: number;
  /**
   * Where the adapter has f16: what is staged in f32 all the same, so that the inner loops need not widen it. Its readers
   * share addresses, so that it costs workgroup memory its size, not its speed. Without f16 everything is f32.
   */
  readonly wide: 'none' | 'weights' | 'all';
  /** Hides the loops' limits from the driver's compiler, which would unroll them. */
  readonly rolled: boolean;
}

export interface RowPlan {
  readonly kind: 'rows';
  readonly threads: number;
  /** Rows of a thread: each load of a column serves them all. */
  readonly rowsEach: number;
  /** Columns taken at a time: independent chains of multiply-adds, and one rescaling of the output for them all. */
  readonly columns: number;
}

export type Plan = TilePlan | RowPlan;

/** What a plan depends on; `Gpu` and its device's limits provide it. */
export interface Capabilities {
  readonly f16: boolean;
  readonly software: boolean;
  readonly workgroupBytes: number;
  readonly invocations: number;
}

/** A plan that fits the adapter, for heads of `size` channels. */
export function planFor(can: Capabilities, pass: Pass, size: number): Plan {
  const { f16, software } = can;
  // On a CPU adapter more columns at a time are slower, and take several times as long to compile.
  const rows: RowPlan = { kind: 'rows', threads: 32, rowsEach: 1, columns: software ? 1 : 4 };
  if (size <= ROWS_UP_TO) return rows;
  if (size > MAX_HEAD)
    throw new RangeError(`Attention heads have at most ${MAX_HEAD} channels; ${size} were asked for.`);
  const tiles = (heads: readonly HeadShape[]) => {
    const shape = heads.find((head) => size <= 4 * head.tx * head.chunks * head.perChunk);
    if (!shape) return [];
    const { tx, chunks, perChunk } = shape;
    const rowsEach = pass === 'forward' ? shape.forwardRows : shape.backwardRows;
    return [16, 8, 4, 2, 1]
      .map((ty): TilePlan => {
        return { kind: 'tiles', tx, ty, rowsEach, chunks, perChunk, wide: 'none', rolled: software };
      })
      .filter(
        (plan) =>
          plan.tx * plan.ty <= can.invocations && workgroupBytes(plan, pass, f16) <= can.workgroupBytes,
      );
  };
  const [wide, narrow] = [tiles(HEADS), tiles(NARROW_HEADS)];
  const good = Math.min(software ? CPU_BYTES : GOOD_BYTES, can.workgroupBytes);
  const isGood = (plan: TilePlan) => workgroupBytes(plan, pass, f16) <= good;
  const roomy = wide.find((plan) => plan.ty >= 8 && isGood(plan));
  return (
    (roomy && f16 && !software ? widened(roomy, pass, isGood) : roomy) ??
    wide.find((plan) => plan.ty <= 8 && plan.ty >= FEW_THREADS_DOWN) ??
    narrow.find((plan) => plan.ty <= 8) ??
      // Below 16 KiB, which WebGPU guarantees: slow, but right.
      { ...rows, columns: 1 }
  );
}

/** As much of the plan in f32 as the bytes allow. */
function widened(plan: TilePlan, pass: Pass, isGood: (plan: TilePlan) => boolean): TilePlan {
  const choices = pass === 'forward' ? (['all', 'weights'] as const) : (['all'] as const);
  const wider = choices.map((wide): TilePlan => ({ ...plan, wide }));
  return wider.find(isGood) ?? plan;
}

/** With fewer blocks of columns a part, staging its own rows would outweigh what a part computes. */
const BLOCKS_A_PART = 2;

/**
 * The columns of a pass in at most `wanted` parts of `span` columns each: whole blocks, and none without columns. Rows in
 * registers are never cut: they are for tiny heads.
 */
export function partsOf(plan: Plan, columns: number, wanted: number): { parts: number; span: number } {
  if (plan.kind === 'rows') return { parts: 1, span: columns };
  const block = 4 * plan.tx;
  const blocks = Math.ceil(columns / block);
  const most = Math.max(1, Math.min(wanted, Math.floor(blocks / BLOCKS_A_PART)));
  const each = Math.ceil(blocks / most);
  return { parts: Math.ceil(blocks / each), span: each * block };
}

/** Of a vec4. */
const BYTES = { f16: 8, f32: 16 } as const;

/** What a tile's own rows, the columns that it walks over, and their weights are staged as. Gradients' weights are f32 always. */
export function elementsOf(
  { wide }: TilePlan,
  pass: Pass,
  f16: boolean,
): Record<'own' | 'other' | 'weights', keyof typeof BYTES> {
  const half = f16 ? 'f16' : 'f32';
  return {
    own: wide === 'all' ? 'f32' : half,
    other: half,
    weights: pass === 'forward' && wide === 'none' ? half : 'f32',
  };
}

/** Workgroup memory of a tile, in bytes. `tiles.wgsl.ts` allocates exactly this. */
export function workgroupBytes(plan: TilePlan, pass: Pass, f16: boolean): number {
  const { tx, ty, rowsEach } = plan;
  const { own, other, weights: weight } = elementsOf(plan, pass, f16);
  const resident = plan.chunks === 1 && pass !== 'forward' ? 2 : 1;
  const stride = oddStride(tx * plan.perChunk);
  const staged = stride * (resident * ty * rowsEach * BYTES[own] + 4 * tx * BYTES[other]);
  const weights = BYTES[weight] * oddStride(tx) * ty * rowsEach;
  const maxima = pass === 'forward' ? 4 * rowsEach * tx * ty : 0;
  return staged + weights + maxima;
}

/** An odd stride in vec4s: rows one below another then start in different banks. */
export function oddStride(quads: number): number {
  return quads | 1;
}

export const MAX_HEAD = 512;

/**
 * Above this many bytes too few workgroups share a core to hide latency; with less, a head of 40 channels would have 80
 * threads, which leave half a warp of three idle. Estimated, not measured.
 */
const GOOD_BYTES = 28 * 1024;
const CPU_BYTES = 24 * 1024;

/** Heads up to this size would leave most threads of a tile idle. */
const ROWS_UP_TO = 16;

/** With fewer threads than this one above another, a tile's staging is not shared by enough. */
const FEW_THREADS_DOWN = 4;

interface HeadShape extends Pick<TilePlan, 'tx' | 'chunks' | 'perChunk'> {
  forwardRows: TilePlan['rowsEach'];
  backwardRows: TilePlan['rowsEach'];
}

/** Tiles by head size. Rows a thread: as many as leave it under about 130 registers, accumulators included. */
const HEADS: readonly HeadShape[] = [
  { tx: 8, chunks: 1, perChunk: 1, forwardRows: 4, backwardRows: 4 }, // 32
  { tx: 10, chunks: 1, perChunk: 1, forwardRows: 4, backwardRows: 4 }, // 40
  { tx: 8, chunks: 1, perChunk: 2, forwardRows: 4, backwardRows: 4 }, // 64
  { tx: 10, chunks: 1, perChunk: 2, forwardRows: 4, backwardRows: 4 }, // 80
  { tx: 16, chunks: 2, perChunk: 1, forwardRows: 4, backwardRows: 2 }, // 128
  { tx: 10, chunks: 2, perChunk: 2, forwardRows: 4, backwardRows: 2 }, // 160
  { tx: 16, chunks: 4, perChunk: 1, forwardRows: 4, backwardRows: 2 }, // 256
  { tx: 16, chunks: 8, perChunk: 1, forwardRows: 2, backwardRows: 1 }, // 512
];

/**
 * The same for the 16 KiB of workgroup memory that WebGPU guarantees, in f32: more and smaller pieces of a head. Whole rows in
 * registers are no way out there: RADV spills 2,736 registers of a row of 512, and 196 of 80 (`npm run shaders`).
 */
const NARROW_HEADS: readonly HeadShape[] = [
  { tx: 8, chunks: 1, perChunk: 1, forwardRows: 4, backwardRows: 4 }, // 32
  { tx: 10, chunks: 1, perChunk: 1, forwardRows: 4, backwardRows: 2 }, // 40
  { tx: 8, chunks: 2, perChunk: 1, forwardRows: 4, backwardRows: 4 }, // 64
  { tx: 10, chunks: 2, perChunk: 1, forwardRows: 4, backwardRows: 2 }, // 80
  { tx: 8, chunks: 4, perChunk: 1, forwardRows: 4, backwardRows: 2 }, // 128
  { tx: 10, chunks: 4, perChunk: 1, forwardRows: 4, backwardRows: 2 }, // 160
  { tx: 8, chunks: 8, perChunk: 1, forwardRows: 2, backwardRows: 1 }, // 256
  { tx: 8, chunks: 16, perChunk: 1, forwardRows: 1, backwardRows: 1 }, // 512
];
