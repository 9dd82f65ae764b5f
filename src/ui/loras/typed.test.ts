/** Weights and rules as typed: what they mean, and what is refused before a worker is asked. */
import { expect, test } from 'vitest';
import { weightOf } from '../../formats/merging/weights';
import { ruleOf, usualRule, type TypedRule } from './rule';
import { meant, type TypedWeights } from './typed_weights';

test('a block goes before its part, an empty one has its part’s', () => {
  const read = meant({ unet: '0,5', te: '-1', blocks: { mid: '0', up1: ' ', te3: '2' } });
  if (!read) throw new Error('refused');
  expect(weightOf(read, 'lora_unet_mid_block_attentions_0_proj_in')).toBe(0);
  expect(weightOf(read, 'lora_unet_up_blocks_1_attentions_0_proj_in')).toBe(0.5);
  expect(weightOf(read, 'lora_te_text_model_encoder_layers_3_mlp_fc1')).toBe(2);
  expect(weightOf(read, 'lora_te_text_model_encoder_layers_4_mlp_fc1')).toBe(-1);
});

test.each<TypedWeights>([
  { unet: '', te: '1', blocks: {} },
  { unet: '1', te: 'a', blocks: {} },
  { unet: '1', te: '1', blocks: { mid: '1e999' } },
])('no weight: %j', (typed) => expect(meant(typed)).toBeUndefined());

const typed = (patch: Partial<TypedRule> & { given?: string }): TypedRule => {
  const how = patch.how ?? 'rank';
  return {
    ...usualRule,
    ...patch,
    value: { ...usualRule.value, [how]: patch.given ?? usualRule.value[how] },
  };
};

test.each([
  [{}, { rank: 8 }],
  [
    { how: 'share', given: '0,5', highest: '4' },
    { share: 0.5, rank: 4 },
  ],
  [{ how: 'threshold' }, { threshold: 0.01, rank: undefined }],
  [{ how: 'rank', given: '2.5' }, undefined],
  [{ how: 'rank', given: '0' }, undefined],
  [{ how: 'share', given: '1.1' }, undefined],
  [{ how: 'threshold', given: '1' }, undefined],
  [{ how: 'share', highest: 'x' }, undefined],
] as const)('%j means %j', (given, rule) => expect(ruleOf(typed(given))).toEqual(rule));
