/** A frozen weight as the GPU has it, and the values it stands for, for tests of whatever multiplies by it. */
import type { Tensor } from '@tensorflow/tfjs';
import { packHalf, packHalfConv } from '../linear/pack_half';
import { reserve, upload } from '../program';
import { BLOCK, weightShape, wordsAlong, type Quantized, type Storage } from './frozen';
import { quantizeReference } from './frozen.reference';
import { quantize } from './quantize';

export interface TestWeight {
  data: Tensor;
  /** In the order they were given in. */
  values: Float32Array;
  rowWords: number;
  tapWords: number;
}

/** `values` [out, in] or [out, in, 3, 3], all of them halves. */
export function testWeight(
  storage: Storage,
  values: Float32Array,
  [out, inputs]: readonly [number, number],
  taps: 1 | 9 = 1,
): TestWeight {
  const words = taps === 9 ? packHalfConv(values, out, inputs, 3) : packHalf(values, out, inputs);
  const tapWords = wordsAlong(storage, inputs);
  const layout = { tapWords, rowWords: taps * tapWords };
  if (storage === 'half')
    return { data: upload(words, weightShape(storage, out, taps, inputs), 'test'), values, ...layout };
  const data = reserve(weightShape(storage, out, taps, inputs), 'int32', 'test');
  const halves = upload(words, [words.length], 'test');
  const blocks = values.length / BLOCK;
  quantize(storage, halves, data, { firstBlock: 0, blocks, allBlocks: blocks });
  halves.dispose();
  // Blocks run along the inputs of one tap.
  const turned = (of: Float32Array, at: (row: number, tap: number, input: number) => [number, number]) => {
    const into = new Float32Array(of.length);
    for (let row = 0; row < out; row++)
      for (let tap = 0; tap < taps; tap++)
        for (let input = 0; input < inputs; input++) {
          const [to, from] = at(row, tap, input);
          into[to] = of[from];
        }
    return into;
  };
  const kept = (row: number, tap: number, input: number) => (row * taps + tap) * inputs + input;
  const given = (row: number, tap: number, input: number) => (row * inputs + input) * taps + tap;
  const along = turned(values, (...at) => [kept(...at), given(...at)]);
  const stand = quantizeReference(storage, along).values;
  return { data, values: turned(stand, (...at) => [given(...at), kept(...at)]), ...layout };
}

/** The first `count` codes of what `weightShape` describes. */
export function codesIn(storage: Quantized, words: Int32Array, count: number): number[] {
  const bits = (32 * wordsAlong(storage, BLOCK)) / BLOCK;
  return Array.from({ length: count }, (_, i) => {
    const at = i * bits;
    const word = words[at >> 5] << (32 - bits - (at & 31));
    return storage === 'int8' ? word >> (32 - bits) : word >>> (32 - bits);
  });
}
