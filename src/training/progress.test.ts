/** When a run is given up: only once the loss scale has been no help at its lowest. */
import { expect, test } from 'vitest';
import { LOSS_SCALE_DEFAULTS, lossScaling, NonFiniteLossError } from './loss_scale';
import { Progress } from './progress';

/** Reports `skips` skipped steps in a row, the scale as the GPU halves it. */
async function skipSteps(skips: number, f16: boolean): Promise<number> {
  const progress = new Progress({ steps: 100, averageLoss: 0 }, () => 0, lossScaling(f16));
  let scale = f16 ? LOSS_SCALE_DEFAULTS.initialScale : 1;
  let reports = 0;
  for (let step = 0; step < skips; step++) {
    scale = Math.max(1, scale / 2);
    const numbers = { gradientNorm: 1, lossScale: scale, skipped: true };
    const at = { step, epoch: 0, batches: [] };
    for await (const report of progress.add(
      at,
      1e-4,
      Promise.resolve(Float32Array.of(1)),
      Promise.resolve(numbers),
    )) {
      reports += report.skipped ? 1 : 0;
    }
  }
  for await (const report of progress.drain()) reports += report.skipped ? 1 : 0;
  return reports;
}

test('halves: sixteen halvings and four steps at scale 1 go on, the fifth ends the run', async () => {
  expect(await skipSteps(20, true)).toBe(20);
  await expect(skipSteps(21, true)).rejects.toThrow(NonFiniteLossError);
});

test('f32: the fifth skipped step in a row ends the run', async () => {
  expect(await skipSteps(4, false)).toBe(4);
  await expect(skipSteps(5, false)).rejects.toThrow(NonFiniteLossError);
});
