/**
 * Embeddings that captioning models made, kept so that a second visit need not make them again: of phrases and of
 * pictures, by model. They can be made anew at any time, so they are the first to go when room is short.
 */
import { get } from 'idb-keyval';
import { records, write } from './records';

const store = records('embeddings');

/** Of `what` (which says everything that the numbers depend on) by the model of that key. */
export function getEmbedding(model: string, what: string): Promise<Float32Array | undefined> {
  return get<Float32Array>([model, what], store);
}

export function putEmbedding(model: string, what: string, numbers: Float32Array): Promise<void> {
  return write(store, 'embeddings', (to) => void to.put(numbers, [model, what]));
}
