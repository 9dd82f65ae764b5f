import './fake_indexeddb.testing';
import { expect, it } from 'vitest';
import { getEmbedding, putEmbedding } from './embeddings';

it('keeps embeddings by model and what they are of', async () => {
  await putEmbedding('a', 'picture 1', Float32Array.of(1, 2));
  await putEmbedding('a', 'phrases', Float32Array.of(3));
  await putEmbedding('b', 'picture 1', Float32Array.of(4));
  expect(await getEmbedding('a', 'picture 1')).toEqual(Float32Array.of(1, 2));
  expect(await getEmbedding('a', 'phrases')).toEqual(Float32Array.of(3));
  expect(await getEmbedding('b', 'picture 1')).toEqual(Float32Array.of(4));
  expect(await getEmbedding('a', 'picture 2')).toBeUndefined();
});
