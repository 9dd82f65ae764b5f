import { expect, it } from 'vitest';
import { defaultConfig } from '../../formats/config/config';
import { formatConfig } from '../../formats/config/config_format';
import { configOf, differences, finalLoss } from './compare_runs';

it('lists the fields that differ, and only those, lists compared by content', () => {
  const a = { ...defaultConfig(), sample_prompts: ['x'], lora_rank: 8, unet_lr: null };
  const b = { ...defaultConfig(), sample_prompts: ['x'], lora_rank: 16, unet_lr: 1e-4 };
  expect(differences(a, b)).toEqual([
    { name: 'lora_rank', a: 8, b: 16 },
    { name: 'unet_lr', a: null, b: 1e-4 },
  ]);
  expect(differences(a, { ...a, sample_prompts: ['x'] })).toEqual([]);
  expect(differences(a, { ...a, sample_prompts: ['y'] })).toHaveLength(1);
});

it('reads what a run was started with, and says when it cannot', () => {
  const config = { ...defaultConfig(), lora_rank: 12 };
  expect(configOf(formatConfig(config))).toEqual(config);
  expect(configOf('lora_rank: twelve')).toBeUndefined();
});

it('takes the mean of the last tenth of the losses', () => {
  const point = (step: number, loss: number) => ({
    step,
    loss,
    epoch: 1,
    learningRate: 1e-4,
    gradientNorm: 1,
    seconds: step,
  });
  const points = Array.from({ length: 40 }, (_, i) => point(i + 1, i < 36 ? 9 : i / 100));
  expect(finalLoss(points)).toBeCloseTo((0.36 + 0.37 + 0.38 + 0.39) / 4, 12);
  expect(finalLoss([point(1, 0.5)])).toBe(0.5);
  expect(finalLoss([])).toBeUndefined();
});
