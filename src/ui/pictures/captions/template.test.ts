import { expect, it } from 'vitest';
import { applyTemplate, hasSlot } from './template';

const painting = 'ancient Chinese ink painting of [subject], soft brush strokes';

it('puts the caption into the slot, once', () => {
  const filled = applyTemplate('a crane, red sun', painting);
  expect(filled).toBe('ancient Chinese ink painting of a crane, red sun, soft brush strokes');
  expect(applyTemplate(filled, painting)).toBe(filled);
  expect(applyTemplate('a $& crane', 'x [Subject]')).toBe('x a $& crane');
});

it('leaves alone what has nothing to say or no place to say it', () => {
  expect(applyTemplate('  ', painting)).toBe('  ');
  expect(applyTemplate('a crane', 'no slot')).toBe('a crane');
  expect(applyTemplate('a crane', ' [subject] ')).toBe('a crane');
  expect([hasSlot(painting), hasSlot('painting of subject')]).toEqual([true, false]);
});
