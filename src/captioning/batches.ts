/** What both of CLIP's towers need around a run: batches of a size, rows of a result, and the error of a full memory. */
import { unit, type Embedding } from './embedding';
import { isMemory, outOfMemory } from './runtime';

/** Sentences or pictures in one run, where the model takes any number. */
const usualBatch = 32;

/** In parts of `fixed`, the last filled up with its own first, or of `usualBatch` where the model takes any number. */
export async function inBatches<T>(
  items: readonly T[],
  fixed: number | undefined,
  work: (part: readonly T[]) => Promise<Embedding[]>,
): Promise<Embedding[]> {
  const size = fixed ?? usualBatch;
  const out: Embedding[] = [];
  for (let at = 0; at < items.length; at += size) {
    const part = items.slice(at, at + size);
    const missing = fixed === undefined ? 0 : fixed - part.length;
    const filled = missing > 0 ? [...part, ...Array.from({ length: missing }, () => part[0])] : part;
    out.push(...(await work(filled)).slice(0, part.length));
  }
  return out;
}

/** Runs a session; a memory that is full gets its own sentence. */
export async function guarded<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isMemory(error) ? outOfMemory(what, error) : error;
  }
}

/** The directions of a result's rows. */
export function rows(numbers: Float32Array, dimensions: number): Embedding[] {
  return Array.from({ length: numbers.length / dimensions }, (_, row) =>
    unit(numbers.subarray(row * dimensions, (row + 1) * dimensions)),
  );
}
