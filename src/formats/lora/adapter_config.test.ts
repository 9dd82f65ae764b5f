/** A LoRA of peft's with its configuration beside it: the strength is the configuration's, the numbers are the file's. */
import { describe, expect, it } from 'vitest';
import { fromBytes } from '../safetensors/byte_source';
import { writeSafetensors, type TensorToWrite } from '../safetensors/safetensors_write';
import { withAdapterConfig } from './adapter_config';
import { parseLora } from './kohya_lora';

const floats = (name: string, shape: number[], first: number): TensorToWrite => ({
  name,
  dtype: 'F32',
  shape,
  data: new Uint8Array(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => first + i).buffer,
  ),
});
const pair = (path: string, first: number) => [
  floats(`base_model.model.${path}.lora_A.weight`, [2, 3], first),
  floats(`base_model.model.${path}.lora_B.weight`, [3, 2], first + 100),
];
const block = 'mid_block.attentions.0.transformer_blocks.0.attn1';
const file = (metadata: Record<string, string> = {}) =>
  fromBytes(writeSafetensors([...pair(`${block}.to_k`, 1), ...pair(`${block}.to_q`, 50)], metadata));
const text = (more: object = {}) => JSON.stringify({ peft_type: 'LORA', r: 2, lora_alpha: 16, ...more });

async function alphas(config: string, metadata?: Record<string, string>) {
  const { modules } = await parseLora(await withAdapterConfig(file(metadata), config));
  return Object.fromEntries(modules.map(({ name, alpha }) => [name.slice(-4), alpha]));
}

describe('adapter_config.json', () => {
  it('gives the strength, by pattern and by root', async () => {
    expect(await alphas(text())).toEqual({ to_k: 16, to_q: 16 });
    expect(await alphas(text({ alpha_pattern: { to_q: 3 } }))).toEqual({ to_k: 16, to_q: 3 });
    expect((await alphas(text({ use_rslora: true }))).to_k).toBeCloseTo(16 * Math.SQRT2);
    const own = { lora_adapter_metadata: '{"unet.lora_alpha": 5}' };
    expect(await alphas(text(), own)).toEqual({ to_k: 5, to_q: 5 });
  });

  it('leaves every number where it was', async () => {
    const plain = await parseLora(file());
    const beside = await parseLora(await withAdapterConfig(file(), text()));
    const numbers = ({ modules }: typeof plain) =>
      modules.map(({ name, down, up }) => [name, [...down], [...up]]);
    expect(numbers(beside)).toEqual(numbers(plain));
  });

  it('of another method is refused by its name, and what is none as none', async () => {
    await expect(withAdapterConfig(file(), text({ peft_type: 'LOHA' }))).rejects.toMatchObject({
      code: 'other-method',
      message: expect.stringContaining('LOHA') as string,
    });
    for (const none of ['', '[]', '{"r": 2}', '{'])
      await expect(withAdapterConfig(file(), none)).rejects.toMatchObject({ code: 'no-modules' });
  });
});
