import { describe, expect, it } from 'vitest';
import { defaultConfig } from '../../formats/config/config';
import { buildLoraFile } from '../../formats/lora/kohya_lora';
import { writeSafetensors } from '../../formats/safetensors/safetensors_write';
import { readContinuable } from '../../formats/reading/lora_reading';
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
        name: 'lora_unet_mid_block_attentions_0_proj_in',
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
  const { config, ranks } = await furtherFrom(checkpoint, settings, ['inkwash'], [], readContinuable);
  expect(ranks).toEqual({ least: 3, most: 3 });
  expect(config).toEqual({
    ...settings,
    lora_rank: 3,
    output_name: 'inkwash-2',
    pretrained_lora: 'inkwash-000800.safetensors',
  });
  await expect(
    furtherFrom({ ...checkpoint, lora: new Blob(['x']) }, settings, [], [], readContinuable),
  ).rejects.toThrow(/safetensors/);
});

describe('a LoRA of another program', () => {
  const settings = { ...defaultConfig(), output_name: 'inkwash', lora_rank: 16 };
  const mixed = (...ranks: number[]) =>
    buildLoraFile({
      modules: ranks.map((r, i) => ({
        name: `lora_unet_mid_block_attentions_0_proj_${i === 0 ? 'in' : 'out'}`,
        down: new Float32Array(r * 8).fill(1),
        downShape: [r, 8, 1, 1],
        up: new Float32Array(8 * r).fill(1),
        upShape: [8, r, 1, 1],
        alpha: r,
      })),
      precision: 'fp16',
      metadata: {},
    });
  /** The two layers that it adapts, in a base model of single-file layout. */
  const base = (width: number) =>
    new Blob([
      writeSafetensors(
        ['proj_in', 'proj_out'].map((name) => ({
          name: `model.diffusion_model.middle_block.1.${name}.weight`,
          dtype: 'F16',
          shape: [width, width, 1, 1],
          data: new Uint8Array(2 * width * width),
        })),
      ),
    ]);

  it('with a rank of its own for each layer shows the highest', async () => {
    const lora = new Blob([await mixed(3, 5)]);
    const { config, ranks } = await furtherFrom(
      { name: 'mixed.safetensors', lora },
      settings,
      [],
      [base(8)],
      readContinuable,
    );
    expect(ranks).toEqual({ least: 3, most: 5 });
    expect(config.lora_rank).toBe(5);
  });

  it('that cannot be continued is refused before a run begins', async () => {
    const lora = new Blob([await mixed(3, 129)]);
    const furtherOf = (file: Blob, on: Blob[]) =>
      furtherFrom({ name: 'mixed.safetensors', lora: file }, settings, [], on, readContinuable);
    await expect(furtherOf(lora, [])).rejects.toMatchObject({ code: 'other-ranks' });
    await expect(furtherOf(new Blob([await mixed(3, 5)]), [base(16)])).rejects.toMatchObject({
      code: 'wrong-shape',
      message: expect.stringMatching(/8 to 8 features; the base model needs 16 to 16/),
    });
  });
});
