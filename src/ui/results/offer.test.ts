import { expect, it } from 'vitest';
import { buildLoraFile } from '../../formats/kohya_lora';
import { kohyaName } from '../../formats/kohya_names';
import { usualChoice } from '../../formats/private_metadata';
import { makeFile } from './offer.svelte';

async function checkpoint(up: number, bytes = 0) {
  const file = await buildLoraFile({
    modules: [
      {
        name: kohyaName('unet', 'mid_block.attentions.0.proj_in'),
        down: new Float32Array(2 * 8).fill(1),
        downShape: [2, 8],
        up: new Float32Array(8 * 2).fill(up),
        upShape: [8, 2],
        alpha: 2,
      },
    ],
    precision: 'fp16',
    metadata: { ss_network_dim: '2', ss_seed: '42', ss_dataset_dirs: '{"anna": {}}' },
  });
  return { name: 'ink wash-000800.safetensors', lora: new Blob([file.slice(0, file.length - bytes)]) };
}

it('offers a file with the chosen metadata and what was found in it', async () => {
  const made = await makeFile(await checkpoint(0.5), usualChoice, 'inkwash', 1);
  if (made.state !== 'ready') throw new Error(JSON.stringify(made));
  expect(made.name).toBe('ink_wash-000800.safetensors');
  expect(made.report).toMatchObject({ tensors: 3, modules: 1, idleModules: 0, bytes: made.file.size });
  expect(made.metadata).toMatchObject({ ss_seed: '42', 'modelspec.trigger_phrase': 'inkwash' });
  expect(made.metadata).not.toHaveProperty('ss_dataset_dirs');
});

it('offers nothing that is zero, cut short, or less than was trained', async () => {
  expect(await makeFile(await checkpoint(0), usualChoice, '', 1)).toMatchObject({
    state: 'refused',
    code: 'no-change',
    sentence: expect.stringMatching(/would change nothing/),
  });
  expect(await makeFile(await checkpoint(1), usualChoice, '', 192)).toMatchObject({
    state: 'refused',
    code: 'names',
  });
  expect(await makeFile(await checkpoint(1, 5), usualChoice, '', 1)).toMatchObject({
    state: 'refused',
    code: 'cut-short',
    sentence: expect.stringMatching(/cut short/),
  });
});
