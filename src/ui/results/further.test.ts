import { describe, expect, it } from 'vitest';
import { defaultConfig } from '../../formats/config';
import { buildLoraFile } from '../../formats/kohya_lora';
import { kohyaName } from '../../formats/kohya_names';
import { furtherFrom, nextName } from './further';

describe('nextName', () => {
  it.each([
    ['inkwash', [], 'inkwash'],
    ['inkwash', ['inkwash'], 'inkwash-2'],
    ['inkwash', ['inkwash', 'inkwash-2'], 'inkwash-3'],
    ['inkwash-2', ['inkwash', 'inkwash-2'], 'inkwash-3'],
    ['水墨-1200', ['水墨-1200'], '水墨-1200-2'],
  ])('of %s beside %j is %s', (name, taken, next) => {
    expect(nextName(name, taken)).toBe(next);
  });
});

it('takes the rank from the file and all else from the settings', async () => {
  const bytes = await buildLoraFile({
    modules: [
      {
        name: kohyaName('unet', 'mid_block.attentions.0.proj_in'),
        down: new Float32Array(3 * 8).fill(1),
        downShape: [3, 8],
        up: new Float32Array(8 * 3).fill(1),
        upShape: [8, 3],
        alpha: 3,
      },
    ],
    precision: 'fp16',
    metadata: {},
  });
  const checkpoint = {
    run: 'r',
    step: 800,
    epoch: 5,
    savedAt: 0,
    name: 'inkwash-000800.safetensors',
    lora: new Blob([bytes]),
    final: false,
  };
  const settings = { ...defaultConfig(), output_name: 'inkwash', lora_rank: 16, epochs: 7 };
  const { config, rank } = await furtherFrom(checkpoint, settings, ['inkwash']);
  expect(rank).toBe(3);
  expect(config).toEqual({
    ...settings,
    lora_rank: 3,
    output_name: 'inkwash-2',
    pretrained_lora: 'inkwash-000800.safetensors',
  });
  await expect(furtherFrom({ ...checkpoint, lora: new Blob(['x']) }, settings, [])).rejects.toThrow(
    /safetensors/,
  );
  // Of another program, with a rank of its own for each layer: refused before a run begins.
  const mixed = await buildLoraFile({
    modules: [3, 4].map((r, i) => ({
      name: kohyaName('unet', i === 0 ? 'mid_block.attentions.0.proj_in' : 'mid_block.attentions.0.proj_out'),
      down: new Float32Array(r * 8).fill(1),
      downShape: [r, 8],
      up: new Float32Array(8 * r).fill(1),
      upShape: [8, r],
      alpha: r,
    })),
    precision: 'fp16',
    metadata: {},
  });
  await expect(
    furtherFrom({ name: 'mixed.safetensors', lora: new Blob([mixed]) }, settings, []),
  ).rejects.toMatchObject({ code: 'other-ranks' });
});
