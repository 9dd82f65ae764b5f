/** SDXL by what its files' shapes say, what kohya adapts in it, and how its second tokenizer pads. */
import { expect, test } from 'vitest';
import type { PartName } from '../../formats/families/family_facts';
import { LORA_PARTS, loraTargets } from '../../formats/lora/lora_targets';
import { CheckpointShapeError, type Shapes } from '../config';
import { sdxl } from './family';
import { sdxlBase } from './sdxl.testing';
import { sizeSinusoids } from './sizes';

function shapesOf(config: typeof sdxlBase): Record<PartName, Shapes> {
  const of = (part: PartName) => sdxl.shapes(config, part);
  return { unet: of('unet'), vae: of('vae'), text1: of('text1'), text2: of('text2') };
}

test('its configuration is read off its own shapes', () => {
  expect(sdxl.infer(shapesOf(sdxlBase))).toEqual(sdxlBase);
});

test.each([
  ['another first text encoder', { text1: { ...sdxlBase.text1, hidden: 1024 } }, /1024 and 1280 channels/],
  [
    'a second text encoder without its projection',
    { text2: { ...sdxlBase.text2, projection: 0 } },
    /0 pooled/,
  ],
  ['the refiner’s sizes', { unet: { ...sdxlBase.unet, addChannels: 2560 + 1 } }, /2561 channels/],
  ['another VAE', { vae: { ...sdxlBase.vae, latentChannels: 16 } }, /16 channels/],
])('%s does not belong to it', (_, change, sentence) => {
  const read = () => sdxl.infer(shapesOf({ ...sdxlBase, ...change }));
  expect(read).toThrow(CheckpointShapeError);
  expect(read).toThrow(sentence);
});

test('kohya adapts 722 + 72 + 192 modules, none a convolution', () => {
  const targets = LORA_PARTS.map((part) => loraTargets(sdxl, part, sdxl.shapes(sdxlBase, part)));
  expect(targets.map(({ length }) => length)).toEqual([722, 72, 192]);
  expect(targets.flat().some(({ conv }) => conv)).toBe(false);
  expect(new Set(targets.flat().map(({ name }) => name)).size).toBe(986);
  // Parameters a rank, as kohya reports them.
  const sizes = targets.map((part) => part.reduce((sum, t) => sum + t.inFeatures + t.outFeatures, 0));
  expect(sizes).toEqual([2_659_840, 165_888, 737_280]);
});

test('behind a chunk’s first end token its second text encoder has zeros, also in an empty chunk', () => {
  const config = { ...sdxlBase.text2, positions: 6, vocabulary: 10 };
  const ids = Int32Array.of(8, 1, 2, 9, 9, 9, 8, 1, 2, 3, 4, 9, 8, 9, 9, 9, 9, 9);
  expect([...sdxl.idsOf('text2', ids, config)]).toEqual([
    8, 1, 2, 9, 0, 0, 8, 1, 2, 3, 4, 9, 8, 9, 0, 0, 0, 0,
  ]);
  expect(sdxl.idsOf('text1', ids, config)).toEqual(ids);
});

test('sizes are six vectors of cosines, then sines, height before width', () => {
  const got = sizeSinusoids({ original: [0, 1], crop: [2, 3], target: [4, 5] }, 24);
  const each = (size: number) => [Math.cos(size), Math.cos(size / 100), Math.sin(size), Math.sin(size / 100)];
  const want = Float32Array.from([0, 1, 2, 3, 4, 5].flatMap(each));
  expect(got).toHaveLength(24);
  want.forEach((value, i) => expect(got[i], `${i}`).toBeCloseTo(value, 6));
});
