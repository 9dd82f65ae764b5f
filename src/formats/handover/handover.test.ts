/** A job for sd-scripts: its files from settings, and the way back through our own import. */
import { parse } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { checkConfig, defaultConfig } from '../config/config';
import { fieldList, type TrainConfig } from '../config/config_fields';
import { handoverFiles, type HandoverInput } from './handover';
import { HANDOVER_ROWS } from './handover_rows';
import { importSettings } from '../kohya/import_settings';

const input = (settings: Partial<TrainConfig> = {}, more: Partial<HandoverInput> = {}): HandoverInput => ({
  config: checkConfig({ ...settings }),
  folders: [{ path: 'images/3_times', repeats: 3 }],
  ...{ baseName: 'sd15.safetensors', processes: 1, cpu: false },
  ...more,
});
const file = (name: string, given: HandoverInput) => handoverFiles(given).get(name) ?? '';
const config = (given: HandoverInput) => parse(file('config.toml', given));

/** None at its default, so that one that is lost shows. */
const SETTINGS: Partial<TrainConfig> = {
  ...{
    lora_rank: 12,
    lora_alpha: 6,
    lora_dropout: 0.25,
    train_text_encoder: true,
    batch_size: 3,
    max_train_steps: 77,
  },
  ...{ learning_rate: 2e-4, unet_lr: 3e-4, text_encoder_lr: 4e-5, optimizer: 'lion', weight_decay: 0.125 },
  ...{ adam_beta1: 0.95, adam_beta2: 0.98, lr_scheduler: 'cosine_with_restarts', lr_warmup_steps: 5 },
  ...{
    lr_scheduler_num_cycles: 3,
    lr_scheduler_power: 2,
    gradient_accumulation_steps: 2,
    max_grad_norm: 0.5,
  },
  ...{
    mixed_precision: 'fp32',
    seed: 7,
    max_token_length: 150,
    clip_skip: 2,
    v_parameterization: true,
    zero_terminal_snr: true,
  },
  ...{ min_snr_gamma: 5, noise_offset: 0.1, adaptive_noise_scale: 0.05, debiased_estimation_loss: true },
  ...{ save_precision: 'bf16', save_steps: 20, keep_last_n: 3, training_comment: 'a "word"' },
  ...{
    sample_every_n_steps: 25,
    sample_sampler: 'dpmpp_2m',
    sample_prompts: ['ink cat', 'dog --d 9 --w 256'],
  },
};

describe('config.toml', () => {
  test('what goes out comes in again as it was', () => {
    const given = input(SETTINGS);
    const back = importSettings(file('config.toml', given)).settings;
    const other = Object.entries(SETTINGS).filter(
      ([name, value]) =>
        !/^sample_(prompts|steps)$/.test(name) && JSON.stringify((back as Record<string, unknown>)[name]) !== JSON.stringify(value), // prettier-ignore
    );
    expect(other.map(([name]) => name)).toEqual([]);
  });

  test('what is off is left out, what is on is said in their words', () => {
    const plain = config(input());
    for (const name of 'min_snr_gamma noise_offset v_parameterization network_dropout network_weights vae unet_lr save_last_n_steps max_token_length network_train_text_encoder_only'.split(
      ' ',
    ))
      // prettier-ignore
      expect(plain).not.toHaveProperty(name);
    expect(plain).toMatchObject({ network_train_unet_only: true, network_alpha: 8, max_train_epochs: 10 });
    const own = input({ lora_rank: 4, lr_scheduler: 'constant', lr_warmup_steps: 9, adam_eps: 1e-7 }, { weights: 'lora/a.safetensors' }); // prettier-ignore
    expect(config(own)).toMatchObject({
      network_alpha: 4,
      network_weights: 'lora/a.safetensors',
      lr_scheduler: 'constant_with_warmup',
      optimizer_type: 'AdamW',
      optimizer_args: ['weight_decay=0.01', 'betas=(0.9, 0.999)', 'eps=1e-7'],
      mixed_precision: 'fp16',
      gradient_checkpointing: true,
    });
  });

  test('a base model in eight bits is one there too, where there is half precision, and comes back as int8', () => {
    for (const base_precision of ['int8', 'nf4'] as const) {
      const given = input({ base_precision });
      expect(config(given)).toMatchObject({ fp8_base_unet: true });
      expect(importSettings(file('config.toml', given)).settings).toMatchObject({ base_precision: 'int8' });
    }
    for (const other of [input(), input({ base_precision: 'int8', mixed_precision: 'fp32' })])
      expect(config(other)).not.toHaveProperty('fp8_base_unet');
  });

  test('on CPUs nothing is asked for that they lack', () => {
    const given = input({ base_precision: 'int8' }, { cpu: true });
    expect(config(given)).not.toHaveProperty('fp8_base_unet');
    expect(config(given)).toMatchObject({ mixed_precision: 'no' });
    expect(config(given)).not.toHaveProperty('sdpa');
    expect(file('accelerate.yaml', given)).toMatch(/'NO'\nmixed_precision: 'no'[^]*use_cpu: true/);
    expect(file('accelerate.yaml', input({}, { processes: 4 }))).toMatch(/MULTI_GPU[^]*num_processes: 4/);
  });
});

test('dataset.toml holds each folder with its repeats, and what is done with captions', () => {
  const given = input(
    { resolution: 256, flip_aug: true, keep_tokens: 2, caption_prefix: 'zk,', keep_tokens_separator: '|||' },
    { folders: [{ path: 'images/1_times', repeats: 1 }, { path: 'images/5_times', repeats: 5 }] }, // prettier-ignore
  );
  expect(parse(file('dataset.toml', given))).toMatchObject({
    general: {
      flip_aug: true,
      keep_tokens: 2,
      caption_prefix: 'zk,',
      keep_tokens_separator: '|||',
      caption_extension: '.txt',
    },
    datasets: [
      {
        ...{ resolution: 256, batch_size: 2, enable_bucket: true },
        subsets: [
          { image_dir: 'images/1_times', num_repeats: 1 },
          { image_dir: 'images/5_times', num_repeats: 5 },
        ],
      },
    ],
  });
});

test('a prompt says all that its picture depends on, in one line', () => {
  const given = input({
    sample_prompts: ['a\ncat', 'dog --d 9 --w 256'],
    sample_negative_prompt: 'blur',
    sample_seed: 3,
  });
  const { sample_steps: steps, sample_cfg_scale: scale, resolution } = defaultConfig();
  expect(file('sample_prompts.txt', given).split('\n')).toEqual([
    `a cat --n blur --w ${resolution} --h ${resolution} --d 3 --s ${steps} --l ${scale}`,
    `dog --n blur --w 256 --h ${resolution} --d 9 --s ${steps} --l ${scale}`,
    '',
  ]);
  expect(handoverFiles(input({ sample_prompts: [] })).has('sample_prompts.txt')).toBe(false);
});

test('README lists every setting once, and what more processes change', () => {
  const text = file('README.md', input({ batch_size: 3, gradient_accumulation_steps: 2 }, { processes: 4 }));
  const rows = [...text.matchAll(/^\| `(\w+)` \|.*\| (mapped|approximated|dropped) \|/gm)];
  expect(rows.map(([, name]) => name).sort()).toEqual(fieldList.map(({ name }) => name).sort());
  expect(text).toContain('processes = 24 pictures');
});

test('a setting that is said to be mapped is in some file under that name', () => {
  const given = input({ ...SETTINGS, caption_prefix: 'a', caption_suffix: 'b', keep_tokens_separator: '|', vae: 'v.safetensors', save_every_n_epochs: 2, sample_every_n_epochs: 2, sample_negative_prompt: 'c' }, { vaeName: 'v.safetensors', weights: 'lora/a' }); // prettier-ignore
  const all = [...handoverFiles(given), ...handoverFiles(input({ train_unet: true, base_precision: 'int8' })), ...handoverFiles(input({ train_unet: false, train_text_encoder: true }))]; // prettier-ignore
  const text = all.flatMap(([name, content]) => (name === 'README.md' ? [] : [content])).join('\n');
  const missing = Object.entries(HANDOVER_ROWS).filter(([, { as }]) => {
    const [key = '', inner = ''] = as.split(' ');
    return as !== '' && !(text.includes(key) && text.includes(inner));
  });
  expect(missing.map(([name]) => name)).toEqual([]);
});

test('SD 2.x is told to the same trainer', () => {
  const given = input({ v_parameterization: true }, { family: 'sd2' });
  expect(file('run.sh', given)).toContain('/train_network.py"');
  expect(config(given)).toMatchObject({ v2: true, v_parameterization: true });
  expect(config(input({ v_parameterization: false }, { family: 'sd2' }))).not.toHaveProperty(
    'v_parameterization',
  );
  expect(config(input())).not.toHaveProperty('v2');
});

test('SDXL has a trainer of its own there, and its VAE in full precision', () => {
  const given = input({}, { family: 'sdxl' });
  expect(file('run.sh', given)).toContain('/sdxl_train_network.py"');
  expect(config(given)).toMatchObject({ no_half_vae: true });
  expect(config(given)).not.toHaveProperty('clip_skip');
  expect(file('run.sh', input())).toContain('/train_network.py"');
  expect(config(input())).not.toHaveProperty('no_half_vae');
});
