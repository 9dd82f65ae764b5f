import { expect, it } from 'vitest';
import { commandOf, type Key } from './keys';

const press = (key: string, focus: Key['focus'], more: Partial<Key> = {}) =>
  commandOf({ key, focus, ctrl: false, shift: false, alt: false, ...more });

it('letters and arrows step through pictures, but not while typing', () => {
  for (const focus of ['page', 'picture', 'button'] as const) {
    expect([press('j', focus), press('k', focus)]).toEqual(['next', 'previous']);
    expect([press('ArrowRight', focus), press('ArrowLeft', focus)]).toEqual(['next', 'previous']);
  }
  for (const focus of ['text', 'empty-text'] as const) {
    expect([
      press('j', focus),
      press('ArrowRight', focus),
      press('c', focus),
      press('Delete', focus),
    ]).toEqual(Array(4).fill(undefined));
  }
  expect(press('ArrowRight', 'arrows')).toBeUndefined();
});

it('jumps to the next without a caption from anywhere', () => {
  for (const focus of ['page', 'text', 'empty-text', 'arrows', 'button'] as const) {
    expect(press('j', focus, { ctrl: true })).toBe('untagged');
  }
});

it('leaves the undoing of typed words to the field', () => {
  expect(press('z', 'text', { ctrl: true })).toBeUndefined();
  expect(press('z', 'empty-text', { ctrl: true })).toBe('undo');
  expect(press('Z', 'page', { ctrl: true, shift: true })).toBe('redo');
  expect(press('y', 'page', { ctrl: true })).toBe('redo');
});

it('selects all pictures, or all of a text', () => {
  expect(press('a', 'picture', { ctrl: true })).toBe('all');
  expect(press('a', 'empty-text', { ctrl: true })).toBeUndefined();
});

it('Enter edits, except on a button, which it presses', () => {
  expect([press('Enter', 'picture'), press('Enter', 'page'), press('Enter', 'button')]).toEqual([
    'edit',
    'edit',
    undefined,
  ]);
  expect(press('ArrowRight', 'page', { alt: true })).toBeUndefined();
  expect(press('Escape', 'text')).toBe('escape');
});

it('takes or dismisses the caption on offer, from picture and page, not from a button', () => {
  const offered = (key: string, focus: Key['focus'], ctrl = false) =>
    commandOf({ key, focus, ctrl, shift: false, alt: false }, true);
  for (const focus of ['page', 'picture'] as const) {
    expect([offered('Enter', focus), offered('x', focus), offered('e', focus)]).toEqual([
      'take',
      'dismiss',
      'edit',
    ]);
    expect([press('Enter', focus), press('x', focus)]).toEqual(['edit', undefined]);
  }
  expect(offered('Enter', 'button')).toBeUndefined();
  expect([offered('x', 'text'), offered('Enter', 'empty-text')]).toEqual([undefined, undefined]);
  expect(offered('Enter', 'page', true)).toBe('take-all');
});
