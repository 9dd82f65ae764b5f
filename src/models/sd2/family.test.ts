/** SD 2.x by what its files' shapes say, what kohya adapts in it, and how its tokenizer pads. */
import { expect, test } from 'vitest';
import type { PartName } from '../../formats/families/family_facts';
import { LORA_PARTS, loraTargets } from '../../formats/lora/lora_targets';
import { CheckpointShapeError, type Shapes } from '../config';
import { sd2 } from './family';
import { sd21 } from './sd21.testing';

function shapesOf(config: typeof sd21): Record<PartName, Shapes> {
  const of = (part: PartName) => sd2.shapes(config, part);
  return { unet: of('unet'), vae: of('vae'), text1: of('text1'), text2: of('text2') };
}

test('its configuration is read off its own shapes, of a file of kohya’s with convolutions too', () => {
  expect(sd2.infer(shapesOf(sd21))).toEqual(sd21);
  const convolutions = { ...sd21, unet: { ...sd21.unet, linearProjection: false } };
  expect(sd2.infer(shapesOf(convolutions)).unet).toEqual(convolutions.unet);
});

test.each([
  ['the text encoder of SD 1.x', { text1: { ...sd21.text1, hidden: 768 } }, /768 channels.*takes 1024/],
  ['another VAE', { vae: { ...sd21.vae, latentChannels: 16 } }, /16 channels/],
])('%s does not belong to it', (_, change, sentence) => {
  const read = () => sd2.infer(shapesOf({ ...sd21, ...change }));
  expect(read).toThrow(CheckpointShapeError);
  expect(read).toThrow(sentence);
});

test('kohya adapts 192 + 138 modules, 32 of them as convolutions though they are matrices', () => {
  const targets = LORA_PARTS.map((part) => loraTargets(sd2, part, sd2.shapes(sd21, part)));
  expect(targets.map(({ length }) => length)).toEqual([192, 138, 0]);
  expect(targets.flat().filter(({ conv }) => conv)).toHaveLength(32);
});

test('behind a chunk’s first end token its text encoder has zeros', () => {
  const config = { ...sd21.text1, positions: 6, vocabulary: 10 };
  const ids = Int32Array.of(8, 1, 2, 9, 9, 9, 8, 9, 9, 9, 9, 9);
  expect([...sd2.idsOf('text1', ids, config)]).toEqual([8, 1, 2, 9, 0, 0, 8, 9, 0, 0, 0, 0]);
});

test('a clip skip of 2 is one layer less of the 23', () => {
  expect([1, 2].map((skip) => sd2.layersUsed('text1', sd21.text1, skip))).toEqual([23, 22]);
});
