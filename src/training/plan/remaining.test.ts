/** The time that is left has the samples and checkpoints in it that are still to come. */
import { expect, test } from 'vitest';
import { defaultConfig } from '../../formats/config/config';
import { Remaining } from './remaining';

const config = {
  ...defaultConfig(),
  batch_size: 1,
  gradient_accumulation_steps: 1,
  sample_prompts: ['a', 'b'],
  sample_every_n_steps: 10,
  sample_every_n_epochs: 0,
  sample_steps: 14,
  save_steps: 20,
  save_every_n_epochs: 0,
};

test('steps at their pace, samples and checkpoints at what the latest took', () => {
  const left = new Remaining(config, 40, 20);
  left.add('sample', 100);
  left.add('sample', 30);
  left.add('save', 4);
  // Samples after 10, 20, 30 and at the end; checkpoints after 20 and at the end.
  expect(left.after(1, 2)).toBe(39 * 2 + 4 * 30 + 2 * 4);
  // What is due after the tenth step is drawn when its report is out.
  expect(left.after(10, 2)).toBe(30 * 2 + 4 * 30 + 2 * 4);
  expect(left.after(11, 2)).toBe(29 * 2 + 3 * 30 + 2 * 4);
  expect(left.after(40, 2)).toBe(30 + 4);
});

test('by epochs too; none where none are drawn', () => {
  const byEpochs = new Remaining({ ...config, sample_every_n_steps: 0, sample_every_n_epochs: 1 }, 40, 8);
  byEpochs.add('sample', 30);
  expect(byEpochs.after(1, 2)).toBe(39 * 2 + 5 * 30);
  const none = new Remaining({ ...config, sample_every_n_steps: 0 }, 40, 8);
  none.add('sample', 30);
  expect(none.after(1, 2)).toBe(39 * 2);
});

test('before any was drawn (a run taken up again), samples are reckoned from a step', () => {
  // Two pictures of 14 steps, two forwards each: 56 forwards, of which a step has 2.8.
  expect(new Remaining({ ...config, sample_every_n_steps: 100 }, 40, 8).after(39, 2.8)).toBeCloseTo(2.8 + 56);
});
