import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
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
