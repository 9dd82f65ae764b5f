/** What kohya adapts in Stable Diffusion 1.5, found by pattern: names, numbers and order of its 192 and 72 modules. */
import { expect, test } from 'vitest';
import { defaultConfig } from '../../formats/config/config';
import { LORA_PARTS, loraTargets } from '../../formats/lora/lora_targets';
import { sd1 } from './family';
import { sd15 } from './sd15.testing';

const targets = LORA_PARTS.flatMap((part) => loraTargets(sd1, part, sd1.shapes(sd15, part)));

/** In the order of kohya's own module list, as its documentation and files have it. */
function documentedNames(): string[] {
  const blocks = [
    ...['0', '1', '2'].flatMap((level) => ['0', '1'].map((i) => `down_blocks_${level}_attentions_${i}`)),
    'mid_block_attentions_0',
    ...['1', '2', '3'].flatMap((level) => ['0', '1', '2'].map((i) => `up_blocks_${level}_attentions_${i}`)),
  ];
  const attention = (name: string) => ['to_q', 'to_k', 'to_v', 'to_out_0'].map((to) => `${name}_${to}`);
  const inner = [...attention('attn1'), 'ff_net_0_proj', 'ff_net_2', ...attention('attn2')];
  const layer = ['k', 'v', 'q', 'out'].map((which) => `self_attn_${which}_proj`).concat('mlp_fc1', 'mlp_fc2');
  return [
    ...blocks.flatMap((block) =>
      ['proj_in', ...inner.map((name) => `transformer_blocks_0_${name}`), 'proj_out'].map(
        (name) => `lora_unet_${block}_${name}`,
      ),
    ),
    ...Array.from({ length: 12 }, (_, i) =>
      layer.map((name) => `lora_te_text_model_encoder_layers_${i}_${name}`),
    ).flat(),
  ];
}

test('the targets are the 192 + 72 modules of kohya for SD 1.5, by name and in its order', () => {
  expect(targets.filter(({ part }) => part === 'unet')).toHaveLength(192);
  expect(targets.map(({ name }) => name)).toEqual(documentedNames());
});

test('they have the size that kohya reports: 4.72 M parameters at rank 8', () => {
  const count = targets.reduce((sum, t) => sum + 8 * (t.inFeatures + t.outFeatures), 0);
  expect(count / 1e6).toBeCloseTo(4.72, 2);
});

test('every name it gives is one that its files may have; only projections are 1x1 convolutions', () => {
  for (const { part, name, path, conv } of targets) {
    expect(sd1.lora[part]?.names.test(name), name).toBe(true);
    expect(conv, path).toBe(/proj_(in|out)$/.test(path) && part === 'unet');
  }
  expect(sd1.lora.unet?.names.test('lora_unet_down_blocks_0_resnets_0_conv1')).toBe(false);
});

test('the settings begin with the side and the bucket step that it was made for', () => {
  const { resolution, bucket_reso_steps, max_bucket_reso } = defaultConfig();
  expect({
    side: resolution,
    bucketStep: bucket_reso_steps,
    multipleOf: 64,
    longest: max_bucket_reso,
  }).toEqual(sd1.resolution);
});
