import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import fixture from '../fixtures/codes.json' with { type: 'json' };
import { closeDevice, openDevice } from '../device';
import { onEveryTier } from '../on_every_tier';
import { readInts, reserve, upload } from '../program';
import { BLOCK, NF4, weightShape } from './frozen';
import { cases } from './frozen.cases';
import { codesIn } from './frozen.testing';
import { quantize } from './quantize';

onEveryTier(cases);

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'));

// Made by reference/make_codes.py.
test.each(['int8', 'nf4'] as const)('%s: the codes of numpy and of bitsandbytes', async (storage) => {
  await openDevice({ tier: 'f32' });
  fixture.table.forEach((value, i) => expect(Math.fround(NF4[i])).toBe(Math.fround(value)));
  const words = new Int32Array(bytes(fixture.halves).buffer);
  const count = 2 * words.length;
  const halves = upload(words, [words.length], 'test');
  const data = reserve(weightShape(storage, 12, 1, count / 12), 'int32', 'test');
  quantize(storage, halves, data, { firstBlock: 0, blocks: count / BLOCK, allBlocks: count / BLOCK });
  const got = await readInts(data);
  tf.dispose([halves, data]);
  closeDevice();
  const want = [...new Int8Array(bytes(fixture[storage]).buffer)];
  expect(want).toHaveLength(count);
  expect(codesIn(storage, got, count)).toEqual(want);
  const magnitudes = new Int32Array(bytes(fixture.magnitudes).buffer);
  expect([...got.subarray(got.length - magnitudes.length)]).toEqual([...magnitudes]);
});
