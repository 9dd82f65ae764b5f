import { expect, test } from 'vitest';
import { dueSteps, isDue } from './intervals';

test('by steps, by epochs, by both, and never', () => {
  const due = (steps: number, epochs: number) =>
    Array.from({ length: 20 }, (_, i) => i + 1).filter((step) => isDue({ steps, epochs }, step, 4));
  expect(due(5, 0)).toEqual([5, 10, 15, 20]);
  expect(due(0, 2)).toEqual([8, 16]);
  expect(due(5, 2)).toEqual([5, 8, 10, 15, 16, 20]);
  expect(due(0, 0)).toEqual([]);
});

test('the list of what is to come leaves the last step out, and ends early where it is long', () => {
  expect(dueSteps({ steps: 5, epochs: 2 }, 16, 4)).toEqual([5, 8, 10, 15]);
  expect(dueSteps({ steps: 1, epochs: 0 }, 1e9, 4, 3)).toEqual([1, 2, 3]);
  expect(dueSteps({ steps: 0, epochs: 0 }, 16, 4)).toEqual([]);
  expect(dueSteps({ steps: 0, epochs: 1 }, 16, 0)).toEqual([]);
});
