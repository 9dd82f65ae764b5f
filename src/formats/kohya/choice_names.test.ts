/** Every choice of ours is known by its own name, and by what other trainers write. */
import { expect, test } from 'vitest';
import { choiceNamed, optimizerNamed, samplerNames, savePrecisionNames, scheduleNames } from './choice_names';
import { configFields } from '../config/config_fields';

test.each([
  ['AdamW', { kind: 'adamw', whole: true }],
  ['AdamW8bit', { kind: 'adamw', whole: false }],
  ['ADAMW_8BIT', { kind: 'adamw', whole: false }],
  ['PagedAdamW32bit', { kind: 'adamw', whole: false }],
  ['PagedLion8bit', { kind: 'lion', whole: false }],
  ['Lion', { kind: 'lion', whole: true }],
  ['Prodigy', undefined],
  ['AdamWScheduleFree', undefined],
  ['AdamWScheduleFree8bit', undefined],
  ['adam', undefined],
  ['', undefined],
])('the optimizer %s', (name, expected) => {
  expect(optimizerNamed(name)).toEqual(expected);
});

test('no two choices share a name, and each is called by its own', () => {
  const tables = [
    [scheduleNames, configFields.lr_scheduler.choices],
    [samplerNames, configFields.sample_sampler.choices],
    [savePrecisionNames, configFields.save_precision.choices],
  ] as const;
  for (const [names, choices] of tables) {
    const all = Object.values<readonly string[]>(names).flat();
    expect(new Set(all).size).toBe(all.length);
    expect(Object.keys(names).sort()).toEqual([...choices].sort());
  }
  for (const choice of configFields.optimizer.choices) expect(optimizerNamed(choice)?.kind).toBe(choice);
  for (const choice of configFields.lr_scheduler.choices)
    expect(choiceNamed(scheduleNames, choice.toUpperCase())).toBe(choice);
});

test('names of other things are no choice', () => {
  expect(choiceNamed(scheduleNames, 'toString')).toBeUndefined();
  expect(choiceNamed(samplerNames, 'euler_a')).toBeUndefined();
});
