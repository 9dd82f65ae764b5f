/** The command as a person gives it: what it writes, what it says, and its exit status. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromBytes } from '../src/formats/safetensors/byte_source';
import { readHeader } from '../src/formats/safetensors/safetensors';
import { parseLora } from '../src/formats/lora/kohya_lora';
import { convert, merge, resize, show, UsageError, type Options } from './lora/commands';

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
  });

  test('merge into one LoRA, and into a base model', async () => {
    const one = join(folder, 'one.safetensors');
    await run(merge, [LORA, LORA], { out: one, weight: ['0.5', 'te=0'] });
    const { modules } = await parseLora(await read(one));
    expect(new Set(modules.map(({ name, rank }) => `${name.slice(0, 7)} ${rank}`))).toEqual(
      new Set(['lora_un 8', 'lora_te 4']),
    );
    const full = join(folder, 'full.safetensors');
    const said = await run(merge, [LORA], { base: BASE, out: full });
    expect(said).toMatch(/210 layers changed/);
    const [before, after] = [await readHeader(await read(BASE)), await readHeader(await read(full))];
    expect([...after.tensors.keys()]).toEqual([...before.tensors.keys()]);
    expect(after.metadata['modelspec.merged_from']).toBe('tiny-sd15.safetensors, lora_init.safetensors');
  });
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
