/** What checkpoints say of themselves, and what they leave open. */
import { expect, it, test } from 'vitest';
import type { ModelMarks } from '../families/family_facts';
import { marksOf, marksOfScheduler, marksTogether } from './marks';

const of = (names: readonly string[], metadata: Record<string, string> = {}) =>
  marksOf({ tensors: new Set(names), metadata });

it.each<[string, ModelMarks, ModelMarks]>([
  ['nothing', of(['betas']), {}],
  ['v_pred and ztsnr', of(['v_pred', 'ztsnr']), { prediction: 'v', zeroTerminalSnr: true }],
  ['ztsnr alone', of(['ztsnr']), { zeroTerminalSnr: true }],
  ['modelspec', of([], { 'modelspec.prediction_type': 'v' }), { prediction: 'v' }],
  ['modelspec, epsilon', of([], { 'modelspec.prediction_type': 'epsilon' }), { prediction: 'epsilon' }],
  ['a word that is none', of([], { 'modelspec.prediction_type': 'flow' }), {}],
  ['both', of(['v_pred'], { 'modelspec.prediction_type': 'epsilon' }), { prediction: 'v' }],
  ['Pony', of([], { 'modelspec.title': 'Pony Diffusion V6 XL' }), { lineage: 'pony' }],
  ['NoobAI', of([], { 'modelspec.title': 'NoobAI-XL, from Illustrious' }), { lineage: 'noobai' }],
  ['a merge', of([], { 'modelspec.merged_from': 'ponyV6.safetensors, illustriousXL.safetensors' }), {}],
  [
    'title before origin',
    of([], { 'modelspec.title': 'IllustriousXL', 'modelspec.merged_from': 'pony' }),
    { lineage: 'illustrious' },
  ],
])('%s', (_, marks, expected) => {
  expect(marks).toEqual(expected);
});

test('a diffusers scheduler', () => {
  const said = { prediction_type: 'v_prediction', rescale_betas_zero_snr: true };
  expect(marksOfScheduler(JSON.stringify(said))).toEqual({ prediction: 'v', zeroTerminalSnr: true });
  expect(marksOfScheduler('{"prediction_type": "epsilon"}')).toEqual({ prediction: 'epsilon' });
  for (const text of ['', '[]', 'null', '{"prediction_type": 3}']) expect(marksOfScheduler(text)).toEqual({});
});

test('several files together', () => {
  expect(marksTogether([{}, { prediction: 'v' }, { prediction: 'epsilon', zeroTerminalSnr: true }])).toEqual({
    prediction: 'v',
    zeroTerminalSnr: true,
  });
});
