/** A run that came back, as storage has it: all or none, in place of the same one, with the base model's name as it is here. */
import '../../storage/fake_indexeddb.testing';
import { expect, test } from 'vitest';
import type { ReturnedRun } from '../../protocol/handover';
import type { BaseModelRef } from '../../storage/projects';
import { getPoints, getRun, listCheckpoints, listRuns, listSamples } from '../../storage/runs';
import { broughtBefore, keepReturned } from './keep_returned';
import { baseFiles } from './outgoing';

const image = new Blob(['png'], { type: 'image/png' });
const returned: ReturnedRun = {
  ...{ name: 'ink', startedAt: 1_780_000_000_000, seconds: 80, step: 8, steps: 8, images: 3, known: 5 },
  ...{ config: 'lora_rank: 4\n', baseName: 'photon', trainedFrom: 'before.safetensors' },
  loras: [4, 8].map((step) => ({
    ...{ step, epoch: step / 4, name: `ink-${step}.safetensors`, file: new Blob([String(step)]) },
    ...{ final: step === 8, savedAt: 1_780_000_000_000 + step },
  })),
  points: [1, 2].map((step) => ({ step, epoch: 1, loss: 1 / step, learningRate: NaN, seconds: step })),
  samples: [8, 4].map((step) => ({ step, prompt: 'a cat', seed: 7, width: 64, height: 64, image })),
};
const base = (name: string, paths: number): BaseModelRef => ({
  ...{ name, byteLength: 1, kind: 'SD' },
  where: { in: 'stored', paths: Array.from({ length: paths }, (_, i) => `models/${i}`) },
});

test('it is there whole, and once however often it comes', async () => {
  const project = { id: 'p', base: base('photon', 1) };
  const first = await keepReturned(project, returned, undefined, 'line');
  expect(await getRun(first.id)).toMatchObject({
    ...{ state: 'finished', elsewhere: 'sd-scripts', baseName: 'photon', trainedFrom: 'before.safetensors' },
  });
  expect((await listCheckpoints(first.id)).map(({ step, final, state }) => [step, final, state])).toEqual([
    [4, false, undefined],
    [8, true, undefined],
  ]);
  expect((await getPoints(first.id)).map(({ loss }) => loss)).toEqual([1, 0.5]);
  expect((await listSamples(first.id)).map(({ step, prompt }) => [step, prompt])).toEqual([[4, 'a cat'], [8, 'a cat']]); // prettier-ignore

  const before = await broughtBefore('p', returned);
  expect(before?.id).toBe(first.id);
  const second = await keepReturned(project, { ...returned, steps: 20 }, before, 'line');
  expect((await listRuns('p')).map(({ id, state }) => [id, state])).toEqual([[second.id, 'stopped']]);
  expect(await listCheckpoints(first.id)).toEqual([]);
});

test('a run that was trained here is none that came back', async () => {
  const own = await keepReturned({ id: 'q' }, returned, undefined, '');
  const { putRun } = await import('../../storage/runs');
  const { elsewhere, ...here } = own;
  expect(elsewhere).toBe('sd-scripts');
  await putRun(here);
  expect(await broughtBefore('q', returned)).toBeUndefined();
});

test.each([
  [base('photon', 1), { baseName: 'photon.safetensors' }],
  [base('a + b', 1), { baseName: 'a + b.safetensors' }],
  [base('photon + mse', 2), { baseName: 'photon.safetensors', vaeName: 'mse.safetensors' }],
  [base('sd-v1-5', 4), { baseName: 'sd-v1-5' }],
  [
    { ...base('pony + mse', 0), where: { in: 'visit' as const, key: 'k', count: 2 } },
    { baseName: 'pony.safetensors', vaeName: 'mse.safetensors' },
  ],
  [{ ...base('demo', 1), where: { in: 'demo' as const } }, { baseName: 'base.safetensors' }],
])('the base model $name goes by the name of its file', (given, names) => {
  expect(baseFiles(given, given.name)).toEqual(names);
});
