import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeSafetensors } from '../src/formats/safetensors/safetensors_write';
import { configTemplate } from '../src/formats/config/config_format';
import { readConfig } from './read_config';

let dir = '';
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'config-'))));
afterEach(() => rm(dir, { recursive: true }));

async function read(name: string, text: string, anyway = false) {
  const path = join(dir, name);
  await writeFile(path, text);
  const lines: string[] = [];
  const config = await readConfig(path, anyway, (line) => lines.push(line));
  return { config, lines };
}

test("settings of another trainer are named, listed, and gone on with; their paths are this computer's", async () => {
  const { config, lines } = await read(
    'fox.toml',
    `pretrained_model_name_or_path = 'base.safetensors'\ntrain_data_dir = "fox"\nnetwork_dim = 256\nnetwork_alpha = 128\nmax_train_epochs = 3\nmasked_loss = true\n`,
  );
  expect(config).toMatchObject({
    base_model: 'base.safetensors',
    train_data_dir: 'fox',
    lora_rank: 128,
    lora_alpha: 64,
    epochs: 3,
  });
  expect(lines[0]).toBe('Settings of sd-scripts.');
  expect(lines[1]).toMatch(/^! Not possible here.*masked_loss/);
  expect(lines.filter((line) => /^(taken|changed|left out)/.test(line))).toEqual([
    'taken (3):',
    'changed (2):',
    'left out (1):',
  ]);
});

test('what would ruin the run stops it, unless it is wanted anyway; the rates stay ours', async () => {
  const text = 'network_dim = 8\noptimizer_type = "Prodigy"\nlearning_rate = 1.0\nmax_train_epochs = 2\n';
  await expect(read('p.toml', text)).rejects.toThrow(/The optimizer is Prodigy.*--anyway/);
  const { config } = await read('p.toml', text, true);
  expect(config).toMatchObject({ optimizer: 'adamw', learning_rate: 1e-4, unet_lr: null, lora_rank: 8 });
});

test('a file of ours is read to the letter: its own high rate counts, a slip has its line', async () => {
  const { config, lines } = await read('own.yaml', 'lora_rank: 8\nlearning_rate: 1\n');
  expect([config.learning_rate, lines]).toEqual([1, []]);
  await expect(read('own.yaml', 'lora_rank: 8\nepochs: 2\nnetwork_dim: 9\n')).rejects.toThrow(
    /Line 3: .*Did you mean lora_rank/,
  );
  await expect(read('own.yaml', 'lora_rank: 8\noutput_name: styles/zk\n')).rejects.toThrow(
    /Line 2: output_name/,
  );
});

test('a folder is no configuration, and is said to be one', async () => {
  for (const name of ['folder', 'folder.toml', 'folder.safetensors']) {
    await mkdir(join(dir, name));
    await expect(readConfig(join(dir, name), false, () => undefined)).rejects.toThrow(
      new RegExp(`${name}" is a folder`),
    );
  }
});

test('the data set file that sd-scripts’ settings name is read with them, and counts more', async () => {
  const set = '[general]\nflip_aug = true\n[[datasets]]\nresolution = 640\nbatch_size = 3\n';
  const subset = (name: string) => `[[datasets.subsets]]\nimage_dir = "${name}"\nnum_repeats = 2\n`;
  await writeFile(join(dir, 'set.toml'), set + subset('pictures/fox'));
  const text =
    'pretrained_model_name_or_path = "base.safetensors"\nnetwork_dim = 8\ntrain_batch_size = 1\nmax_train_epochs = 2\n';
  const { config, lines } = await read('run.toml', `${text}dataset_config = "set.toml"\n`);
  expect(config).toMatchObject({
    ...{ base_model: 'base.safetensors', lora_rank: 8, epochs: 2 },
    ...{ train_data_dir: 'pictures/fox', batch_size: 3, resolution: 640, flip_aug: true },
  });
  expect(lines.filter((line) => line.startsWith('!'))).toEqual([]);
  expect(lines).toContain('A data set file of sd-scripts.');
  // Two sets: one folder is read, and that is said.
  await writeFile(join(dir, 'set.toml'), set + subset('a') + subset('b'));
  const two = await read('run.toml', `${text}dataset_config = "set.toml"\n`);
  expect(two.lines.join('\n')).toMatch(/2 sets of pictures[^]*! Pictures are read from one folder/);
  // What is not there is named.
  const gone = await read('run.toml', `${text}dataset_config = "gone.toml"\n`);
  expect(gone.lines.join('\n')).toMatch(
    /! More settings stand in another file \(dataset_config gone\.toml\)/,
  );
});

async function sdxlBase(marks: readonly string[] = []): Promise<string> {
  const shapes: [string, number[]][] = [
    ['model.diffusion_model.input_blocks.0.0.weight', [1, 4, 1, 1]],
    ['model.diffusion_model.label_emb.0.0.weight', [1, 1]],
    ['conditioner.embedders.0.transformer.text_model.final_layer_norm.weight', [1]],
    ['conditioner.embedders.1.model.ln_final.weight', [1]],
    ['first_stage_model.decoder.conv_in.weight', [1, 4, 1, 1]],
    ...marks.map((name): [string, number[]] => [name, [1]]),
  ];
  const path = join(dir, 'xl.safetensors');
  const tensors = shapes.map(([name, shape]) => ({
    ...{ name, shape, dtype: 'F32' as const },
    data: new Uint8Array(4 * shape.reduce((a, b) => a * b)),
  }));
  await writeFile(path, writeSafetensors(tensors));
  return path;
}

test('sizes that a file of ours does not say are the base model’s, and told', async () => {
  const base = JSON.stringify(await sdxlBase());
  const { config, lines } = await read('own.yaml', `base_model: ${base}\nlora_rank: 8\n`);
  expect([config.resolution, config.max_bucket_reso]).toEqual([1024, 2048]);
  expect(lines).toEqual([
    'note: resolution: 1024, for SDXL; the configuration does not say.',
    'note: max_bucket_reso: 2048, for SDXL; the configuration does not say.',
  ]);
  const said = await read('own.yaml', `base_model: ${base}\nresolution: 512\nmax_bucket_reso: 1024\n`);
  expect([said.config.resolution, said.config.max_bucket_reso, said.lines]).toEqual([512, 1024, []]);
  const other = await read('own.yaml', 'base_model: nowhere.safetensors\n');
  expect([other.config.resolution, other.lines]).toEqual([512, []]);
});

async function sd2Base(name: string, metadata: Record<string, string> = {}): Promise<string> {
  const shapes: [string, number[]][] = [
    ['model.diffusion_model.input_blocks.0.0.weight', [1, 4, 1, 1]],
    ['cond_stage_model.model.ln_final.weight', [1]],
    ['first_stage_model.decoder.conv_in.weight', [1, 4, 1, 1]],
  ];
  const tensors = shapes.map(([name, shape]) => ({
    ...{ name, shape, dtype: 'F32' as const },
    data: new Uint8Array(4 * shape.reduce((a, b) => a * b)),
  }));
  await writeFile(join(dir, name), writeSafetensors(tensors, metadata));
  return JSON.stringify(join(dir, name));
}

test('whether an SD 2.x predicts v is said by the file of settings, else by the model, else asked', async () => {
  const silent = await sd2Base('v2.safetensors');
  await expect(read('own.yaml', `base_model: ${silent}\n`)).rejects.toThrow(
    /two kinds of Stable Diffusion 2\.x.*v_parameterization: false.*512-base.*v_parameterization: true.*768-v/,
  );
  const base = await read('own.yaml', `base_model: ${silent}\nv_parameterization: false\n`);
  expect([base.config.v_parameterization, base.config.resolution, base.lines]).toEqual([false, 512, []]);
  const v = await read('own.yaml', `base_model: ${silent}\nv_parameterization: true\n`);
  expect([v.config.v_parameterization, v.config.resolution]).toEqual([true, 768]);
  expect(v.lines).toEqual([
    'note: resolution: 768, for Stable Diffusion 2.x; the configuration does not say.',
  ]);
  const marked = await sd2Base('v2-v.safetensors', { 'modelspec.prediction_type': 'v' });
  const told = await read('own.yaml', `base_model: ${marked}\nresolution: 640\n`);
  expect([told.config.v_parameterization, told.config.resolution]).toEqual([true, 640]);
  expect(told.lines).toEqual([
    'note: v_parameterization: true, as the base model says of itself; the configuration does not say.',
  ]);
});

test('what an SDXL says of itself counts where the settings do not say it, as on the page', async () => {
  const base = JSON.stringify(await sdxlBase(['v_pred', 'ztsnr']));
  const own = `base_model: ${base}\nresolution: 1024\nmax_bucket_reso: 2048\n`;
  const { config, lines } = await read('own.yaml', own);
  expect([config.v_parameterization, config.zero_terminal_snr]).toEqual([true, true]);
  expect(lines).toEqual([
    'note: v_parameterization: true, as the base model says of itself; the configuration does not say.',
    'note: zero_terminal_snr: true, as the base model says of itself; the configuration does not say.',
  ]);
  const against = await read('own.yaml', `${own}v_parameterization: false\nzero_terminal_snr: false\n`);
  expect([against.config.v_parameterization, against.config.zero_terminal_snr]).toEqual([false, false]);
  expect(against.lines).toEqual([]);
});

test('a copy of the template asks what a base model predicts, and takes its sizes', async () => {
  const copy = async (base: string) =>
    read('own.yaml', configTemplate().replace(/^base_model:.*$/m, `base_model: ${base}`));
  await expect(copy(await sd2Base('v2.safetensors'))).rejects.toThrow(/two kinds of Stable Diffusion 2\.x/);
  const { config } = await copy(JSON.stringify(await sdxlBase()));
  expect([config.resolution, config.max_bucket_reso]).toEqual([1024, 2048]);
});

test('settings for SDXL warn of another base model, not of SDXL', async () => {
  const text = (base: string) =>
    `pretrained_model_name_or_path = ${JSON.stringify(base)}\nsdxl = true\nnetwork_dim = 8\nmax_train_epochs = 1\n`;
  const warned = ({ lines }: { lines: string[] }) => lines.filter((line) => line.startsWith('! '));
  expect(warned(await read('xl.toml', text('gone.safetensors')))).toEqual([
    '! These settings are for SDXL: use them with a base model of SDXL.',
  ]);
  expect(warned(await read('xl.toml', text(await sdxlBase())))).toEqual([]);
});
