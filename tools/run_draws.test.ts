/** Draws as files: what the trainer itself draws, in the layout that PyTorch has. */
import { expect, test } from 'vitest';
import { defaultConfig } from '../src/formats/config/config';
import { goldenSource } from '../src/training/golden_source.testing';
import { planBaseModel } from '../src/training/step/base_model';
import { stream } from '../src/training/step/random';
import { draws } from './run_draws';

const plan = await planBaseModel([goldenSource('tiny-sd15.safetensors')]);
const config = {
  ...defaultConfig(),
  ...{ resolution: 128, min_bucket_reso: 64, max_bucket_reso: 256, batch_size: 2, epochs: 3, seed: 7 },
  ...{ gradient_accumulation_steps: 2, flip_aug: true, noise_offset: 0.1, caption_dropout_rate: 0.5 },
};
const images = ['a, b', 'c, d', 'e, f'].map((caption, i) => ({
  name: `${i}.png`,
  caption,
  repeats: 1,
  size: i === 2 ? ([128, 128] as const) : ([192, 64] as const),
}));

test('noise and offsets are those of the sample at its place in the run, channels first', () => {
  const { tensors, said } = draws(config, plan, images);
  const named = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const floats = (name: string) => new Float32Array(named.get(name)?.data.buffer ?? new ArrayBuffer(0));
  // Two batches make a step, an epoch is one step.
  expect(said.steps.map(({ epoch, batches }) => [epoch, batches.length])).toEqual([
    [0, 2],
    [1, 2],
    [2, 2],
  ]);
  for (const [step, { batches }] of said.steps.entries())
    for (const [micro, { bucket, images: members, timesteps, sides, captions }] of batches.entries()) {
      const [w, h] = [bucket[0] / 8, bucket[1] / 8];
      const at = (name: string, sample: number) => stream(7, name, step, micro, sample);
      expect(named.get(`noise.${step}.${micro}`)?.shape).toEqual([members.length, 4, h, w]);
      const noise = floats(`noise.${step}.${micro}`);
      for (const sample of members.keys()) {
        const own = at('noise', sample).fillNormal(new Float32Array(w * h * 4));
        const [c, y, x] = [3, h - 1, 1];
        expect(noise[((sample * 4 + c) * h + y) * w + x]).toBe(own[(y * w + x) * 4 + c]);
        const offset = at('noise offset', sample).fillNormal(new Float32Array(4));
        expect([...floats(`offset.${step}.${micro}`)].slice(sample * 4, sample * 4 + 4)).toEqual([...offset]);
      }
      expect(timesteps).toEqual(members.map((_, sample) => at('timestep', sample).int(1000)));
      expect(sides).toEqual(members.map((_, sample) => at('flip', sample).int(2)));
      expect(captions).toEqual(
        members.map((index, sample) => (at('caption', sample).uniform() < 0.5 ? '' : images[index].caption)),
      );
    }
  // Both branches of each draw were there.
  const all = said.steps.flatMap(({ batches }) => batches);
  expect(new Set(all.flatMap(({ sides }) => sides))).toEqual(new Set([0, 1]));
  expect(all.flatMap(({ captions }) => captions)).toContain('');
  expect(named.get('posterior.2.1')?.shape).toEqual([1, 4, 16, 16]);
  expect([...named.keys()].filter((name) => name.startsWith('posterior.'))).toHaveLength(6);
});

test('without flips and an offset there are none, and no more steps than asked for', () => {
  const { tensors, said } = draws({ ...config, flip_aug: false, noise_offset: 0 }, plan, images, 2);
  expect(said.steps).toHaveLength(2);
  expect(
    tensors.some(
      ({ name }) => name.startsWith('offset.') || (name.endsWith('.1') && name.startsWith('posterior.')),
    ),
  ).toBe(false);
  expect(
    said.steps.flatMap(({ batches }) => batches.flatMap(({ sides }) => sides)).every((side) => side === 0),
  ).toBe(true);
});
