/** Where the pooled text is taken: at the first end token of each prompt's first chunk, whatever stands in later ones. */
import { expect, test } from 'vitest';
import { endsOf } from './prompts';

test('the first end token of every prompt’s first chunk', () => {
  const [bos, eos] = [8, 9];
  const ids = Int32Array.of(
    ...[bos, 1, eos, eos, bos, 2, 3, eos],
    ...[bos, 1, 2, eos, bos, eos, eos, eos],
    ...[bos, eos, eos, eos, bos, eos, eos, eos],
  );
  expect([...endsOf(ids, 2, { positions: 4, vocabulary: 10 })]).toEqual([2, 8 + 3, 16 + 1]);
  expect([...endsOf(ids, 1, { positions: 4, vocabulary: 10 })]).toEqual([2, 7, 11, 13, 17, 21]);
});
