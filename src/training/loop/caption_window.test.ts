/** The captions that are listed beforehand are those that the steps then draw, however the run is cut. */
import { expect, test } from 'vitest';
import { defaultConfig } from '../../formats/config/config';
import type { TrainConfig } from '../../formats/config/config_fields';
import { trainingSteps } from '../data/batches';
import { captionWindow } from './caption_window';
import { drawsOf } from './micro_batch';

const CONFIG: TrainConfig = {
  ...defaultConfig(),
  shuffle_caption: true,
  keep_tokens: 1,
  caption_dropout_rate: 0.2,
  caption_tag_dropout_rate: 0.3,
  caption_dropout_every_n_epochs: 3,
};
const BATCHING = { seed: CONFIG.seed, batchSize: 2, accumulation: 2 };
const IMAGES = Array.from({ length: 9 }, (_, i) => ({
  image: { caption: `x${i}, a, b, c, d` },
  bucket: i % 2 ? ([64, 64] as const) : ([128, 64] as const),
  repeats: 1 + (i % 3),
}));
const STEPS = 40;

/** By step, what its draws say. */
const drawn = (() => {
  const all: string[][] = [];
  for (const at of trainingSteps(IMAGES, BATCHING)) {
    if (at.step >= STEPS) return all;
    all.push(
      [...at.batches.keys()].flatMap(
        (micro) => drawsOf(CONFIG, IMAGES, { timesteps: 1000, channels: 4 }, at, micro).captions,
      ),
    );
  }
  return all;
})();

test('all captions of a run, and of a run from its middle on', () => {
  for (const from of [0, 17]) {
    const { captions, until } = captionWindow(CONFIG, IMAGES, BATCHING, { from, to: STEPS, most: Infinity });
    expect(until).toBe(STEPS);
    expect(captions).toEqual(new Set(drawn.slice(from).flat()));
  }
  expect(new Set(drawn.flat()).size).toBeGreaterThan(60);
  expect(drawn.flat()).toContain('');
});

test.each([1, 5, 20])('in stretches that need at most %i captions: none is left out', (most) => {
  const windows: number[] = [];
  for (let from = 0; from < STEPS;) {
    const { captions, until } = captionWindow(CONFIG, IMAGES, BATCHING, { from, to: STEPS, most });
    expect(captions).toEqual(new Set(drawn.slice(from, until).flat()));
    expect(until).toBeGreaterThan(from);
    if (until > from + 1) expect(captions.size).toBeLessThanOrEqual(most);
    // One step more would have been too much.
    if (until < STEPS) expect(new Set(drawn.slice(from, until + 1).flat()).size).toBeGreaterThan(most);
    windows.push(until);
    from = until;
  }
  expect(windows.length).toBeGreaterThan(3);
});

test('captions that never change are listed once each', () => {
  const plain = { ...defaultConfig(), seed: 3 };
  const { captions } = captionWindow(plain, IMAGES, BATCHING, { from: 0, to: STEPS, most: Infinity });
  expect([...captions].sort()).toEqual(IMAGES.map(({ image }) => image.caption));
});
