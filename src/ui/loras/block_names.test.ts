/** Every block that a summary can name has a part and words of its own; norms are read at any size. */
import { expect, test } from 'vitest';
import { blockOf } from '../../formats/merging/weights';
import { blockName, partOf } from './block_names';
import { messages } from './messages';
import { normText } from './norm_text';

test.each([
  ['lora_te_text_model_encoder_layers_11_mlp_fc1', 'te', '11', 'text encoder 11', '文本编码器 11'],
  ['lora_te1_text_model_encoder_layers_3_mlp_fc1', 'te1', '3', 'text encoder 1 · 3', '文本编码器 1 · 3'],
  ['lora_te2_text_model_encoder_layers_3_mlp_fc1', 'te2', '3', 'text encoder 2 · 3', '文本编码器 2 · 3'],
  ['lora_unet_down_blocks_2_attentions_0_proj_in', 'down', '2', 'down 2', '下采样 2'],
  ['lora_unet_mid_block_attentions_0_proj_in', 'mid', '', 'middle', '中间'],
  ['lora_unet_up_blocks_1_attentions_0_proj_in', 'up', '1', 'up 1', '上采样 1'],
  ['lora_unet_time_embed', 'unet', '', 'U-Net', 'U-Net'],
])('%s', (name, part, index, en, zh) => {
  const { block } = blockOf(name);
  expect(partOf(block)).toEqual({ part, index });
  expect([blockName(block, messages.en), blockName(block, messages.zh)]).toEqual([en, zh]);
});

test.each([
  [0, '0'],
  [1234.56, '1,235'],
  [12.3456, '12.35'],
  [0.00123456, '0.001235'],
  [1.2e-9, '1.20e-9'],
])('%d reads %s', (norm, text) => expect(normText(norm)).toBe(text));
