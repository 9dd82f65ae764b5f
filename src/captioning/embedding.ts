/**
 * Arithmetic of CLIP's embeddings: directions, whose nearness is their cosine. Everything past `unit` is of length 1,
 * so a cosine is a dot product.
 */

/** A vector of length 1. */
export type Embedding = Float32Array;

/** The model gave numbers that are no direction. */
export class EmbeddingError extends Error {
  override name = 'EmbeddingError';
}

/** The vector's direction. Throws EmbeddingError for one of length 0 or with NaN in it. */
export function unit(vector: ArrayLike<number>): Embedding {
  let squares = 0;
  for (let i = 0; i < vector.length; i++) squares += vector[i] * vector[i];
  const length = Math.sqrt(squares);
  if (!(length > 0 && Number.isFinite(length))) {
    throw new EmbeddingError(
      `An embedding of ${vector.length} numbers has length ${length}; the captioning model does not compute rightly here.`,
    );
  }
  return Float32Array.from(vector, (value) => value / length);
}

/** Cosine of two embeddings of length 1. Throws RangeError if they are not of one model's size. */
export function cosine(a: Embedding, b: Embedding): number {
  if (a.length !== b.length) {
    throw new RangeError(`Embeddings of ${a.length} and ${b.length} numbers are not of one model.`);
  }
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** The direction of several directions' mean: crops of a picture, prompts of a phrase, pictures of a set. */
export function meanDirection(embeddings: readonly Embedding[]): Embedding {
  if (embeddings.length === 0) throw new RangeError('There is no mean of no embeddings.');
  const sum = new Float64Array(embeddings[0].length);
  for (const embedding of embeddings) {
    if (embedding.length !== sum.length) {
      throw new RangeError(
        `Embeddings of ${sum.length} and ${embedding.length} numbers are not of one model.`,
      );
    }
    for (let i = 0; i < sum.length; i++) sum[i] += embedding[i];
  }
  return unit(sum);
}
