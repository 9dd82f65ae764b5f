import { expect, test } from 'vitest';
import { sampleName } from './sample_name';

test('two prompts that begin alike have files of their own', () => {
  const same = 'a very long prompt that goes on and on and on';
  const names = [`${same}, by day`, `${same}, by night`].map((prompt, index) =>
    sampleName('zk', { step: 250, index, prompt }),
  );
  expect(names).toEqual([
    'zk-000250-01-a_very_long_prompt_that_goes_on_and_on_a.png',
    'zk-000250-02-a_very_long_prompt_that_goes_on_and_on_a.png',
  ]);
});
