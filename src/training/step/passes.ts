/**
 * A batch cut into passes of fewer pictures, where memory does not hold it whole: the same pictures, noise, timesteps and
 * captions, and the same sum of gradients, added up in parts.
 */
import type { MicroBatch } from './step';

/** How the passes of a batch share its pictures: as many as may be at once, then the rest. */
export function parts(size: number, microBatch: number): number[] {
  return Array.from({ length: Math.ceil(size / microBatch) }, (_, i) =>
    Math.min(microBatch, size - i * microBatch),
  );
}

/**
 * The passes of a batch. A pass divides its loss by its own size, so its weights are scaled to its share of the batch.
 */
export function passes(batch: MicroBatch, microBatch: number): MicroBatch[] {
  const { size } = batch;
  if (size <= microBatch) return [batch];
  let start = 0;
  return parts(size, microBatch).map((count) => {
    const from = start;
    start += count;
    const slice = <T extends { length: number; subarray(a: number, b: number): T }>(all: T): T => {
      const each = all.length / size;
      return all.subarray(from * each, start * each);
    };
    return {
      size: count,
      height: batch.height,
      width: batch.width,
      x0: slice(batch.x0),
      noise: slice(batch.noise),
      timesteps: batch.timesteps.slice(from, start),
      weights: batch.weights.slice(from, start).map((weight) => (weight * count) / size),
      ...(batch.context ? { context: slice(batch.context) } : {}),
      ...(batch.ids ? { ids: slice(batch.ids) } : {}),
      ...(batch.added ? { added: slice(batch.added) } : {}),
    };
  });
}
