/** Text states on the host: to the bit, or as halves; and how many of them are a gigabyte. */
import { expect, test } from 'vitest';
import { sd15 } from '../../models/sd1/sd15.testing';
import { captionsAtOnce, KeptTexts } from './kept_texts';

const state = { context: Float32Array.of(0.1, -3, 1e-9, 70_000), pooled: Float32Array.of(1 / 3) };

test('kept as they came, or as the nearest halves', () => {
  const [single, half] = [new KeptTexts('single'), new KeptTexts('half')];
  for (const states of [single, half]) states.set('a', state);
  expect(single.get('a')).toEqual(state);
  const got = half.get('a');
  expect([...(got?.context ?? [])]).toEqual([0.0999755859375, -3, 0, Infinity]);
  expect(got?.pooled?.[0]).toBe(0.333251953125);
  expect(half.get('b')).toBeUndefined();
  single.set('b', { context: state.context });
  expect(single.get('b')).toEqual({ context: state.context });
  single.keepOnly(new Set(['b', 'c']));
  expect([single.size, single.has('a'), single.has('b')]).toEqual([1, false, true]);
});

test('a gigabyte of captions', () => {
  expect(captionsAtOnce(sd15, 'single', 1)).toBe(4227);
  expect(captionsAtOnce(sd15, 'single', 3)).toBe(1434);
  const unet = { ...sd15.unet, contextChannels: 2048, addChannels: 2816 };
  expect(captionsAtOnce({ ...sd15, unet }, 'half', 1)).toBe(3115);
});
