/** The command as a person gives it: what it writes, what it says, and its exit status. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromBytes } from '../src/formats/safetensors/byte_source';
import { readHeader } from '../src/formats/safetensors/safetensors';
import { writeSafetensors } from '../src/formats/safetensors/safetensors_write';
import { parseLora } from '../src/formats/lora/kohya_lora';
import { UsageError } from './command';
import { convert, merge, resize, show, type Options } from './lora/commands';

const golden = (name: string) => fileURLToPath(new URL(`../reference/golden/${name}`, import.meta.url));
const LORA = golden('lora_init.safetensors');
const BASE = golden('tiny-sd15.safetensors');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lora-command-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function run(command: typeof show, files: string[], options: Options): Promise<string> {
  const lines: string[] = [];
  await command(files, options, (line) => lines.push(line));
  return lines.join('\n');
}
const read = async (path: string) => fromBytes(new Uint8Array(await readFile(path)));

describe('does what it says', () => {
  test('show', async () => {
    const said = await run(show, [LORA], {});
    expect(said).toMatch(/^layers: 210; rank 4; alpha 2$/m);
    expect(said).toMatch(/^ {2}down0 +\d+\.\d+ +#+$/m);
    const json = JSON.parse(await run(show, [LORA], { json: true })) as { modules: unknown[] };
    expect(json.modules).toHaveLength(210);
  });

  test('resize, and the file says its rank', async () => {
    const out = join(folder, 'small.safetensors');
    const said = await run(resize, [LORA], { out, rank: '2', precision: 'fp16' });
    expect(said).toMatch(/^rank 2; kept of the change \(Frobenius norm\): \d+\.\d\d %/);
    const { modules, metadata } = await parseLora(await read(out));
    expect(modules.every(({ rank, alpha }) => rank === 2 && alpha === 1)).toBe(true);
    expect(metadata).toMatchObject({ ss_network_dim: '2', ss_network_alpha: '1.0' });
    expect(metadata.sshs_model_hash).toMatch(/^[0-9a-f]{64}$/);
    expect([...(await readHeader(await read(out))).tensors.values()][0].dtype).toBe('F16');
  });

  test('convert to peft and back', async () => {
    const out = join(folder, 'adapters');
    expect(await run(convert, [LORA], { to: 'peft', out })).toMatch(/adapters.unet.adapter_config\.json/);
    const back = join(folder, 'back.safetensors');
    await run(convert, [join(out, 'unet')], { to: 'kohya', out: back });
    const [before, after] = [await parseLora(await read(LORA)), await parseLora(await read(back))];
    expect(after.modules).toHaveLength(192);
    for (const module of after.modules)
      expect(module).toEqual(before.modules.find(({ name }) => name === module.name));
    // The folder of folders is the whole again.
    const whole = join(folder, 'whole.safetensors');
    await run(convert, [out], { to: 'kohya', out: whole });
    const again = await parseLora(await read(whole));
    expect(new Map(again.modules.map((module) => [module.name, module]))).toEqual(
      new Map(before.modules.map((module) => [module.name, module])),
    );
  });

  test('merge into one LoRA, and into a base model', async () => {
    const one = join(folder, 'one.safetensors');
    await run(merge, [LORA, LORA], { out: one, weight: ['0.5', 'te=0'] });
    const { modules } = await parseLora(await read(one));
    expect(new Set(modules.map(({ name, rank }) => `${name.slice(0, 7)} ${rank}`))).toEqual(
      new Set(['lora_un 8', 'lora_te 4']),
    );
    const full = join(folder, 'full.safetensors');
    const said = await run(merge, [LORA], { base: BASE, out: full, weight: ['1,up0=2'] });
    expect(said).toMatch(/^note: --weight up0=2: lora_init\.safetensors holds nothing of it\.$/m);
    expect(said).toMatch(/210 layers changed/);
    const [before, after] = [await readHeader(await read(BASE)), await readHeader(await read(full))];
    expect([...after.tensors.keys()]).toEqual([...before.tensors.keys()]);
    expect(after.metadata['modelspec.merged_from']).toBe('tiny-sd15.safetensors, lora_init.safetensors');
  });
});

test('merge into a folder of diffusers’: its files in their places, and what no LoRA changes copied', async () => {
  const base = join(folder, 'model');
  const part = async (name: string, path: string, file: string, shape: number[]) => {
    const data = new Uint8Array(Float32Array.from({ length: 64 }, (_, i) => i).buffer);
    await mkdir(join(base, name), { recursive: true });
    const tensors = [{ name: `${path}.weight`, dtype: 'F32' as const, shape, data }];
    await writeFile(join(base, name, file), writeSafetensors(tensors, { format: 'pt' }));
  };
  const path = 'mid_block.attentions.0.transformer_blocks.0.attn1.to_q';
  await part('unet', path, 'diffusion_pytorch_model.safetensors', [8, 8]);
  await part('text_encoder', 'text_model.encoder.layers.0.mlp.fc1', 'model.safetensors', [8, 8]);
  await part('vae', 'decoder.conv_in', 'diffusion_pytorch_model.safetensors', [8, 8, 1, 1]);
  await writeFile(join(base, 'model_index.json'), '{}');
  const ones = (name: string, shape: number[]) => ({
    name,
    dtype: 'F32' as const,
    shape,
    data: new Uint8Array(new Float32Array(8).fill(1).buffer),
  });
  const lora = join(folder, 'one_layer.safetensors');
  const tensors = [ones(`unet.${path}.lora_A.weight`, [1, 8]), ones(`unet.${path}.lora_B.weight`, [8, 1])];
  await writeFile(lora, writeSafetensors(tensors));

  const out = join(folder, 'merged_model');
  await run(merge, [lora], { base, out, weight: ['0.5'] });
  const unet = await readFile(join(out, 'unet', 'diffusion_pytorch_model.safetensors'));
  const values = new Float32Array(new Uint8Array(unet.subarray(-256)).buffer);
  expect([...values]).toEqual(Array.from({ length: 64 }, (_, i) => i + 0.5));
  for (const same of [
    'model_index.json',
    'vae/diffusion_pytorch_model.safetensors',
    'text_encoder/model.safetensors',
  ])
    expect((await readFile(join(out, same))).equals(await readFile(join(base, same)))).toBe(true);
});

describe('refuses as not understood', () => {
  const out = () => join(folder, 'never.safetensors');
  test.each<[string, typeof show, string[], Options]>([
    ['show without a file', show, [], {}],
    ['an option of another command', show, [LORA], { rank: '2' }],
    ['no notation', convert, [LORA], { out: 'x.safetensors' }],
    ['a notation that is none', convert, [LORA], { out: 'x.safetensors', to: 'webui' }],
    ['no rule', resize, [LORA], { out: 'x.safetensors' }],
    ['a rank of half', resize, [LORA], { out: 'x.safetensors', rank: '2.5' }],
    ['an empty rank', resize, [LORA], { out: 'x.safetensors', rank: '' }],
    ['a share of more than all', resize, [LORA], { out: 'x.safetensors', share: '1.1' }],
    ['no place', resize, [LORA], { rank: '2' }],
    ['a name that is no file of this kind', resize, [LORA], { rank: '2', out: 'x.ckpt' }],
    ['one LoRA alone', merge, [LORA], { out: 'x.safetensors' }],
    ['more weights than LoRAs', merge, [LORA], { out: 'x.safetensors', weight: ['1', '1'], base: BASE }],
    ['a block that is none', merge, [LORA], { out: 'x.safetensors', weight: ['in5=1'], base: BASE }],
    ['a layer that is none', merge, [LORA], { out: 'x.safetensors', weight: ['te2.0=1'], base: BASE }],
    ['a resized model', merge, [LORA], { out: 'x.safetensors', rank: '3', base: BASE }],
    ['weights that leave nothing', merge, [LORA, LORA], { out: 'x.safetensors', weight: ['0', '0'] }],
  ])('%s', async (_, command, files, options) => {
    const given = options.out === 'x.safetensors' ? { ...options, out: out() } : options;
    await expect(run(command, files, given)).rejects.toBeInstanceOf(UsageError);
    await expect(readFile(out())).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('writing over what is there', async () => {
    const there = join(folder, 'there.safetensors');
    await writeFile(there, 'mine');
    await expect(run(resize, [LORA], { out: there, rank: '2' })).rejects.toThrow(/--force/);
    expect(await readFile(there, 'utf8')).toBe('mine');
    await run(resize, [LORA], { out: there, rank: '2', force: true });
    expect((await parseLora(await read(there))).modules).toHaveLength(210);
  });
});
