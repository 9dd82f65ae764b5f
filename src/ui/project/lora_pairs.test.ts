/** peft's two files given together are one LoRA, with the strength that its configuration says. */
import { expect, test } from 'vitest';
import { parseLora } from '../../formats/lora/kohya_lora';
import { fromBlob } from '../../formats/safetensors/byte_source';
import { writeSafetensors, type TensorToWrite } from '../../formats/safetensors/safetensors_write';
import { lorasAmong, withConfig } from './lora_pairs';

const path = 'base_model.model.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q';
const half = (name: string, shape: number[]): TensorToWrite => ({
  name: `${path}.${name}.weight`,
  dtype: 'F32',
  shape,
  data: new Uint8Array(Float32Array.from({ length: 16 }, (_, i) => i).buffer),
});
const adapter = new File(
  [writeSafetensors([half('lora_A', [2, 8]), half('lora_B', [8, 2])])],
  'adapter_model.safetensors',
);
const config = (said: object) => new File([JSON.stringify(said)], 'adapter_config.json');
const plain = new File([], 'style.safetensors');

test('the pair is one, whatever lies beside it and in whatever order', async () => {
  const given = lorasAmong([config({ peft_type: 'LORA', r: 2, lora_alpha: 16 }), plain, adapter]);
  expect(given.map(({ file }) => file.name)).toEqual(['style.safetensors', 'adapter_model.safetensors']);
  expect(given[0]?.config).toBeUndefined();
  const { modules } = await parseLora(fromBlob(await withConfig(given[1])));
  expect(modules.map(({ rank, alpha }) => ({ rank, alpha }))).toEqual([{ rank: 2, alpha: 16 }]);
});

test('an adapter alone has its rank for alpha; a configuration alone is looked at as a LoRA and refused there', async () => {
  const [alone] = lorasAmong([adapter]);
  const { modules } = await parseLora(fromBlob(await withConfig(alone)));
  expect(modules[0]?.alpha).toBe(2);
  expect(lorasAmong([config({})])).toHaveLength(1);
});

test('a configuration of another method is refused by name', async () => {
  const [given] = lorasAmong([adapter, config({ peft_type: 'LOHA' })]);
  await expect(withConfig(given)).rejects.toThrow(/is a LOHA/);
});
