/**
 * How a run keeps within its memory: as many pictures at once as fit with every block recomputed, then as few blocks
 * recomputed as fit. Neither changes what is learned; passes of other sizes may round differently.
 */
import type { EngineFacts } from '../../protocol/engine_errors';
import { BufferTooLargeError } from '../../kernels/buffers';
import { predictions, type Economy, type MemoryPrediction, type MemoryRequest } from './memory';

/** A run that does not fit the memory it was given by hand. */
export class MemoryBudgetError extends Error {
  override readonly name = 'MemoryBudgetError';
  readonly code = 'budget';
  readonly facts: EngineFacts['MemoryBudgetError']['budget'];
  constructor(neededBytes: number, budgetBytes: number, quantized: boolean) {
    const gb = (bytes: number) => (bytes / 1e9).toFixed(2);
    super(
      `This run needs ${gb(neededBytes)} GB of GPU memory, and its budget is ${gb(budgetBytes)} GB. ` +
        `Lower resolution or lora_rank, ${quantized ? '' : 'set base_precision to int8, '}raise memory_budget_gb, or set it to 0 for as little as possible.`,
    );
    this.facts = { neededBytes, budgetBytes, quantized };
  }
}

export interface FitOptions {
  /** Where not even the least is within the budget, that is the answer, and no `MemoryBudgetError`. */
  anyway?: boolean;
  /** No more than this: what a run had when the GPU's memory ran out, made less, or what it was resumed with. */
  most?: Pick<Economy, 'firstKeptBlock' | 'microBatch'>;
}

/**
 * The prediction with the largest passes and, among those, the fewest recomputed blocks that stays within the budget. Throws
 * `MemoryBudgetError` if not even single pictures with all blocks recomputed do, `BufferTooLargeError` if the adapter cannot
 * bind what they need.
 */
export function fitMemory(
  request: MemoryRequest,
  blocks: number,
  budgetBytes: number,
  predicted = predictions(request),
  { anyway = false, most }: FitOptions = {},
): MemoryPrediction {
  const fits = ({ peakBytes }: MemoryPrediction) => peakBytes <= budgetBytes;
  // One more than there are: not even what attention gave is kept.
  const last = blocks;
  const floor = Math.min(last, most?.firstKeptBlock ?? 0);
  let least: MemoryPrediction | undefined;
  let tooLarge: BufferTooLargeError | undefined;
  for (
    let size = Math.min(most?.microBatch ?? Infinity, predicted.largestBatch);
    size >= 1;
    size = Math.floor(size / 2)
  ) {
    try {
      least = predicted.of(last, size, budgetBytes);
    } catch (error) {
      if (!(error instanceof BufferTooLargeError)) throw error;
      tooLarge = error;
      continue;
    }
    if (!fits(least)) continue;
    // The largest shape says where, all together whether.
    let low = floor;
    for (let high = last; low < high;) {
      const middle = Math.floor((low + high) / 2);
      if (fits(predicted.ofLargest(middle, size, budgetBytes))) high = middle;
      else low = middle + 1;
    }
    for (let firstKeptBlock = low; firstKeptBlock < last; firstKeptBlock++) {
      const prediction = predicted.of(firstKeptBlock, size, budgetBytes);
      if (fits(prediction)) return prediction;
    }
    return least;
  }
  if (!least) throw tooLarge ?? new RangeError('A batch has at least one picture.');
  if (anyway) return least;
  const { basePrecision = 'fp16' } = request.config;
  throw new MemoryBudgetError(least.peakBytes, budgetBytes, basePrecision !== 'fp16');
}
