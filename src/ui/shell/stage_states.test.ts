/** What the rail says of each stage, in both languages' words. */
import { describe, expect, test } from 'vitest';
import type { Missing } from '../project/missing';
import type { Now } from '../runs/states';
import { messages } from './messages';
import { nextName } from '../next_name';
import {
  captionsState,
  imagesState,
  isUnderWay,
  resultsState,
  settingsState,
  trainingState,
} from './stage_states';

const words = messages.en.state;
const idle = { now: { state: 'idle' }, step: 0, steps: 0 } as const;

describe('images and captions', () => {
  test('nothing, some, all', () => {
    expect(imagesState(words, 0)).toEqual({ full: 'none yet', brief: '–' });
    expect(imagesState(words, 1).full).toBe('1 image');
    expect(captionsState(words, 0, 0).full).toBe('after images');
    expect(captionsState(words, 42, 38)).toMatchObject({ full: '38 of 42 captioned', done: false });
    expect(captionsState(words, 42, 42)).toMatchObject({ full: '42 captioned', done: true });
    expect(captionsState(messages.zh.state, 42, 38).full).toBe('42 张中 38 张已打标');
  });
});

describe('settings', () => {
  test('what is wrong comes before what is ready', () => {
    const facts = { purpose: 'style', missing: [], seconds: 4320, bytes: '3.4 GB' } as const;
    expect(settingsState(words, { ...facts, problems: 2 })).toMatchObject({
      full: '2 to put right',
      warn: true,
    });
    expect(settingsState(words, { ...facts, problems: 0 })).toMatchObject({
      full: 'ready · 1 h 12 min · 3.4 GB',
      brief: '1 h 12 min',
      done: true,
    });
  });

  test('never ready where Start is disabled', () => {
    const facts = { purpose: 'style', problems: 0, seconds: 4320, bytes: '4.5 GB' } as const;
    const said = (...missing: Missing[]) => settingsState(words, { ...facts, missing });
    expect(said('pictures', 'base').full).toBe('Style preset');
    expect(said('base').full).toBe('base model missing');
    expect(said('copied').full).toBe('base model being copied');
    expect(said('pictures').full).toBe('pictures missing');
    expect(said('memory')).toEqual({
      full: 'needs more memory · 1 h 12 min · 4.5 GB',
      brief: '!',
      warn: true,
    });
    expect(said('tooLarge').full).toMatch(/^too large for this GPU/);
    expect(said('adapter').full).toBe('no GPU found');
    expect(said('readOnly').full).toBe('Style preset · 1 h 12 min · 4.5 GB');
    // A budget set by hand, before the trainer has said whether it is kept.
    expect(settingsState(words, { ...facts, missing: [], unsure: true }).done).toBeUndefined();
    expect(settingsState(messages.zh.state, { ...facts, missing: ['memory'] }).full).toMatch(/^需要更多显存/);
  });
});

describe('training', () => {
  test('idle: not started, the speed, or a run that was left', () => {
    expect(trainingState(words, idle).full).toBe('not started');
    expect(trainingState(words, { ...idle, stepSeconds: 2.7 }).full).toBe('about 2.7 s a step');
    const left = trainingState(words, { ...idle, left: { step: 413, steps: 1600 } });
    expect(left).toMatchObject({ full: 'left at step 413', warn: true });
    expect(left.progress).toBeCloseTo(413 / 1600);
  });

  test('every state of a run has words, and those that wait for a person warn', () => {
    const states: Now[] = [
      { state: 'preparing', phase: 'load' },
      { state: 'training' },
      { state: 'sampling' },
      { state: 'saving' },
      { state: 'paused' },
      { state: 'recovering' },
      { state: 'waiting', until: 0 },
      { state: 'unstable', step: 731 },
      { state: 'failed', why: 'other', sentence: '' },
      { state: 'stopped' },
      { state: 'finished' },
    ];
    const said = states.map((now) => trainingState(words, { now, step: 730, steps: 1600 }));
    expect(said.map(({ full }) => full)).toEqual([
      'preparing',
      'step 730 of 1,600',
      'step 730 of 1,600',
      'step 730 of 1,600',
      'paused at step 730',
      'step 730 of 1,600',
      'paused at step 730',
      'paused at step 730',
      'failed at step 730',
      'stopped at step 730',
      'finished',
    ]);
    expect(said.map(({ warn }) => warn ?? false)).toEqual(
      states.map(({ state }) => ['paused', 'waiting', 'unstable', 'failed'].includes(state)),
    );
    expect(states.map((now) => isUnderWay(now))).toEqual(
      states.map(({ state }) => !['failed', 'stopped', 'finished'].includes(state)),
    );
  });
});

test('results', () => {
  expect(resultsState(words, 0).full).toBe('no checkpoints yet');
  expect(resultsState(words, 1)).toMatchObject({ full: '1 checkpoint', done: true });
});

test('a new name is one that no project has', () => {
  expect(nextName('New project', [])).toBe('New project');
  expect(nextName('New project', ['New project', 'New project 2'])).toBe('New project 3');
});
