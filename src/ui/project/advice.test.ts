/** Advice stands at the field that holds what it is about. */
import { describe, expect, test } from 'vitest';
import { defaultConfig } from '../../formats/config/config';
import { adviceOn } from './advice';
import { warmupProblem } from './typed';

const config = { ...defaultConfig(), sample_prompts: ['a cat'] };
const project = { purpose: 'style', trigger: '', base: undefined } as Parameters<typeof adviceOn>[1];
const said = (changes: Partial<typeof config>, tokensOf?: (text: string) => number) =>
  adviceOn({ ...config, ...changes }, project, tokensOf).map(({ field, code }) => [field, code]);

describe('a rate that is high is told where it stands', () => {
  test.each([
    [{ learning_rate: 1 }, 'learning_rate', 'adamw-rate-high'],
    [{ unet_lr: 1 }, 'unet_lr', 'adamw-rate-high'],
    [{ unet_lr: 1, optimizer: 'lion' as const }, 'unet_lr', 'lion-rate-high'],
    [
      { train_unet: false, train_text_encoder: true, text_encoder_lr: 1 },
      'text_encoder_lr',
      'adamw-rate-high',
    ],
  ])('%j', (changes, field, code) => {
    expect(said(changes)).toContainEqual([field, code]);
  });

  test('one that is not in use is no matter', () => {
    expect(said({ learning_rate: 1, unet_lr: 1e-4 })).toEqual([]);
  });
});

describe('prompts', () => {
  test.each([
    ['a (cat:1.2)', 'prompt-weights'],
    ['a cat BREAK a dog', 'prompt-break'],
    ['a cat <lora:x:1>', 'prompt-lora-tag'],
    ['a cat --ss euler_a', 'prompt-option'],
    ['a cat --h 500', 'prompt-size'],
  ])('%s', (prompt, code) => {
    expect(said({ sample_prompts: [prompt] })).toEqual([['sample_prompts', code]]);
    expect(said({ sample_prompts: [prompt], sample_every_n_steps: 0 })).toEqual([]);
  });

  test('one that is too long to be read whole, by its words alone', () => {
    const tokensOf = (text: string) => text.split(' ').length;
    const words = (count: number) => Array.from({ length: count }, () => 'red').join(' ');
    expect(said({ sample_prompts: [words(226)] }, tokensOf)).toEqual([['sample_prompts', 'prompt-long']]);
    expect(said({ sample_prompts: [`${words(225)} --w 512`] }, tokensOf)).toEqual([]);
  });
});

test('a warm-up that the run never leaves is a problem of the form, once the run’s length is known', () => {
  const warm = (lr_warmup_steps: number, steps: number) =>
    warmupProblem({ ...config, lr_warmup_steps }, steps);
  expect(warm(100, 6)).toMatchObject([{ field: 'lr_warmup_steps', code: 'conflict' }]);
  expect(warm(6, 6)).toHaveLength(1);
  expect([...warm(5, 6), ...warm(0.9, 6), ...warm(0, 6), ...warm(100, 0)]).toEqual([]);
});
