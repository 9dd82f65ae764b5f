/** A dispatch of more work than a submit should have is made in slices: the same bits, and each within what is allowed. */
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attention } from './attention/attention';
import { closeDevice, openDevice, takenFor } from './device';
import { gemm } from './gemm/gemm';
import { packHalf } from './linear/pack_half';
import { allocate, flopsPerSubmit, listening, read, simulate, upload } from './program';
import type { Dispatch, SimulatedDispatch } from './program';
import { sample } from './testing';

beforeAll(() => openDevice({ tier: 'f32' }));
afterAll(closeDevice);

/** A device of so little speed that a tenth of a second is `flops`. */
const slow = <T>(flops: number, work: () => T): T =>
  takenFor({ tuning: { gflops: flops / 1e8 } }, () => {
    expect(flopsPerSubmit()).toBeCloseTo(flops, 0);
    return work();
  });

/** What `work` gives, and what it dispatched. */
async function observed(work: () => tf.Tensor): Promise<{ values: Float32Array; heard: Dispatch[] }> {
  const heard: Dispatch[] = [];
  const y = listening((one) => heard.push(one), work);
  const values = await read(y);
  y.dispose();
  return { values, heard };
}

const filled = (shape: number[], seed: number) =>
  upload(sample(tf.util.sizeFromShape(shape), seed), shape, 'test');

const [M, N, K] = [200, 130, 64];
const PRODUCT = {
  inputs: () => [filled([M, K], 1), upload(packHalf(sample(N * K, 2), N, K), [N, K / 2], 'test')],
  flops: 2 * M * N * K,
  work: ([a, b]: tf.Tensor[]) =>
    tf.engine().makeTensorFromTensorInfo(
      gemm({ M, N, K, a, aKind: 'rows', b, bKind: 'halfNT', rowWords: K / 2, half: false, shape: [M, N] }),
    ),
}; // prettier-ignore
const ATTENTION = {
  inputs: () => [1, 2, 3].map((seed) => filled([1, 200, 80], seed)),
  flops: 2 * 2 * 200 * 200 * 80,
  work: ([q, k, v]: tf.Tensor[]) => attention(q, k, v, { heads: 2 }),
};

describe.each([
  ['a product', PRODUCT],
  ['attention', ATTENTION],
])('%s', (_, { inputs, flops, work }) => {
  it('in slices has the bits of the whole, and no slice is longer than it may be by more than a row of workgroups', async () => {
    const tensors = inputs();
    const whole = await observed(() => work(tensors));
    const [name] = whole.heard.filter((one) => one.flops === flops).map((one) => one.name);
    expect(name).toBeDefined();
    const cut = await observed(() => slow(flops / 3, () => work(tensors)));
    expect(cut.values).toEqual(whole.values);
    const [one] = whole.heard.filter((each) => each.name === name);
    const slices = cut.heard.filter((each) => each.name === name);
    expect(slices.length).toBeGreaterThanOrEqual(2);
    expect(slices.reduce((sum, each) => sum + each.flops, 0)).toBeCloseTo(flops, 0);
    expect(slices.reduce((sum, { groups }) => sum + groups[0], 0)).toBe(one.groups[0]);
    for (const each of slices) expect(each.flops).toBeLessThan(flops / 3 + flops / one.groups[0]);
    tf.dispose(tensors);
  });
});

it('a range that is folded is cut between its lines, and a simulation counts the slices', () => {
  // More than 65,535 tiles of the output.
  const heard = (flopsAllowed: number): SimulatedDispatch[] => {
    const all: SimulatedDispatch[] = [];
    const { dispatches } = simulate(
      () =>
        slow(flopsAllowed, () => {
          const [a, b] = [allocate([1, 1]), allocate([1, 1])];
          const [M, N, K] = [2 ** 20, 2 ** 10, 1];
          const tile = { kind: 'direct', bm: 8, bn: 32, bk: 64, tm: 8, tn: 4 } as const;
          const y = gemm({ M, N, K, a, aKind: 'rows', b, bKind: 'halfNT', half: false, shape: [1], tile });
          for (const { dataId } of [a, b, y]) tf.backend().disposeData(dataId);
        }),
      (one) => all.push(one),
    );
    expect(dispatches).toBe(all.length);
    return all;
  };
  const [whole] = heard(1e15);
  expect(whole.groups[1]).toBeGreaterThan(1);
  const slices = heard(whole.flops / 2);
  expect(slices).toHaveLength(2);
  expect(slices.map(({ groups }) => groups[0])).toEqual(slices.map(() => whole.groups[0]));
  expect(slices.reduce((sum, { groups }) => sum + groups[1], 0)).toBe(whole.groups[1]);
});
