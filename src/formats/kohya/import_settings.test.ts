import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkConfig, ConfigError, defaultConfig } from '../config/config';
import { formatConfig } from '../config/config_format';
import type { Left } from './import_ledger';
import { importSettings, type ImportedSettings } from './import_settings';

const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8');

const left = (read: ImportedSettings, ...why: Left['why'][]) =>
  read.left.filter((each) => why.includes(each.why)).map(({ key }) => key);
const changed = (read: ImportedSettings) => read.changed.map(({ key }) => key);

describe("kohya_ss's form", () => {
  const read = importSettings(fixture('kohya_ss_form.json'));
  const { program, settings } = read;

  it('is taken over, in numbers, texts and roundabout ways', () => {
    expect(program).toBe('kohya_ss');
    expect(settings).toEqual({
      lora_rank: 32,
      lora_alpha: 16,
      lora_dropout: 0.1,
      train_unet: true,
      train_text_encoder: true,
      learning_rate: 1e-4,
      unet_lr: 1e-4,
      text_encoder_lr: 5e-5,
      batch_size: 2,
      gradient_accumulation_steps: 2,
      epochs: 12,
      max_train_steps: 0,
      optimizer: 'adamw',
      weight_decay: 0.1,
      adam_beta1: 0.9,
      adam_beta2: 0.99,
      lr_scheduler: 'cosine_with_restarts',
      lr_scheduler_num_cycles: 3,
      lr_warmup_steps: 0.1,
      max_grad_norm: 1,
      mixed_precision: 'auto',
      seed: 1234,
      // The square with the area of 512 x 768.
      resolution: 640,
      enable_bucket: true,
      min_bucket_reso: 256,
      max_bucket_reso: 1024,
      bucket_reso_steps: 64,
      bucket_no_upscale: true,
      flip_aug: false,
      shuffle_caption: true,
      keep_tokens: 1,
      caption_dropout_rate: 0.05,
      caption_dropout_every_n_epochs: 0,
      max_token_length: 150,
      clip_skip: 2,
      v_parameterization: false,
      min_snr_gamma: 5,
      noise_offset: 0.05,
      adaptive_noise_scale: 0,
      save_steps: 0,
      save_every_n_epochs: 1,
      sample_every_n_epochs: 1,
      save_precision: 'fp16',
      base_precision: 'int8',
      // Options stay in their line: they are read there, as in sd-scripts.
      sample_prompts: [
        'masterpiece, 1girl --n lowres, bad hands --w 512 --h 768 --d 7 --l 6.5 --s 28',
        '1girl, on a bridge --d 8',
      ],
      sample_every_n_steps: 0,
      output_name: 'girl_v3',
      training_comment: 'trigger: girlv3',
    });
    expect(checkConfig(settings)).toMatchObject(settings);
  });

  it('has what it would have done elsewhere, and here cannot, named; and nothing else', () => {
    expect(left(read, 'unsupported', 'regularization', 'samples', 'family').sort()).toEqual([
      'guidance_scale',
      'multires_noise_discount',
      'multires_noise_iterations',
      'noise_offset_type',
      'reg_data_dir',
      'sample_sampler',
    ]);
    expect(changed(read).sort()).toEqual(['fp8_base', 'max_resolution', 'mixed_precision', 'optimizer']);
    expect(left(read, 'place').sort()).toEqual([
      'output_dir',
      'pretrained_model_name_or_path',
      'train_data_dir',
    ]);
    expect(read.assumed).toEqual([]);
    expect(left(read, 'invalid', 'unknown')).toEqual([]);
    expect(read.warnings.map(({ code }) => code)).toEqual(['precision', 'regularization', 'unsupported']);
  });

  it('has its additional parameters read as sd-scripts reads them: the last one counts', () => {
    const form = {
      LoRA_type: 'Standard',
      network_dim: 8,
      min_snr_gamma: 0,
      additional_parameters: '--min_snr_gamma=5 --keep_tokens 2 --caption_prefix "zk, "',
    };
    const { settings, taken, left } = importSettings(JSON.stringify(form));
    expect(settings).toMatchObject({ min_snr_gamma: 5, keep_tokens: 2, caption_prefix: 'zk, ' });
    expect(taken.map(({ key }) => key)).toContain('min_snr_gamma');
    expect(left.map(({ key }) => key)).not.toContain('additional_parameters');
  });

  it('says "not this part" by a rate of 0', () => {
    const parts = (unet_lr: number, text_encoder_lr: number) => {
      const { train_unet, train_text_encoder } = importSettings(
        JSON.stringify({ LoRA_type: 'Standard', learning_rate: 1e-4, unet_lr, text_encoder_lr }),
      ).settings;
      return [train_unet, train_text_encoder];
    };
    expect(parts(1e-4, 0)).toEqual([true, false]);
    expect(parts(0, 1e-4)).toEqual([false, true]);
    expect(parts(0, 0)).toEqual([undefined, true]);
  });
});

describe("sd-scripts' TOML", () => {
  const read = importSettings(fixture('sd_scripts.toml'));
  const { settings } = read;

  it('is read below its headings, with the first data set', () => {
    expect(settings).toEqual({
      lora_rank: 8,
      lora_alpha: 1,
      train_unet: true,
      train_text_encoder: false,
      optimizer: 'lion',
      learning_rate: 2e-5,
      weight_decay: 0.05,
      adam_beta1: 0.95,
      adam_beta2: 0.98,
      lr_scheduler: 'constant',
      lr_warmup_steps: 100,
      epochs: 8,
      max_train_steps: 0,
      batch_size: 4,
      mixed_precision: 'fp32',
      max_token_length: 225,
      seed: 42,
      min_snr_gamma: 5,
      sample_sampler: 'dpmpp_2m',
      resolution: 640,
      zero_terminal_snr: true,
      enable_bucket: true,
      num_repeats: 5,
      shuffle_caption: true,
      keep_tokens: 2,
    });
  });

  it("has kohya's silent defaults named, for its alpha of 1 is not ours", () => {
    expect(read.assumed).toEqual([{ field: 'lora_alpha', value: 1 }]);
    expect(left(read, 'unsupported', 'adapter', 'other-set').sort()).toEqual([
      'datasets[0].subsets[1].image_dir',
      'datasets[0].subsets[1].num_repeats',
      'network_args conv_alpha',
      'network_args conv_dim',
    ]);
    expect(left(read, 'place').sort()).toEqual([
      'image_dir',
      'pretrained_model_name_or_path',
      'sample_prompts',
    ]);
  });

  it('of a data set alone assumes nothing', () => {
    const imported = importSettings(
      '[[datasets]]\nresolution = 768\n[[datasets.subsets]]\nnum_repeats = 10\n',
    );
    expect(imported).toMatchObject({
      program: 'sd-scripts-dataset',
      settings: { resolution: 768, num_repeats: 10 },
      assumed: [],
      left: [],
    });
  });

  it('that is silent on everything gets everything of kohya', () => {
    const imported = importSettings('network_dim = 16\n');
    expect(imported.settings).toEqual({
      lora_rank: 16,
      lora_alpha: 1,
      train_text_encoder: true,
      batch_size: 1,
      lr_scheduler: 'constant',
      enable_bucket: false,
      max_train_steps: 1600,
    });
  });
});

describe('YAML', () => {
  it("with kohya's names is kohya's", () => {
    const read = importSettings(fixture('lora_scripts.yaml'));
    const { settings } = read;
    expect(read.program).toBe('lora-scripts');
    expect(settings).toMatchObject({
      lora_rank: 32,
      mixed_precision: 'auto',
      clip_skip: 2,
      epochs: 10,
    });
    for (const name of ['optimizer', 'unet_lr', 'text_encoder_lr', 'weight_decay'])
      expect(settings).not.toHaveProperty(name);
    expect(left(read, 'optimizer').sort()).toEqual([
      'optimizer_args d_coef',
      'optimizer_args weight_decay',
      'optimizer_type',
      'text_encoder_lr',
      'unet_lr',
    ]);
    expect(read.warnings).toEqual([{ code: 'optimizer', name: 'Prodigy', ruins: true }]);
  });

  it('with our names is ours, without its paths', () => {
    const config = { ...defaultConfig(), lora_rank: 24, base_model: './other.safetensors', output_name: 'x' };
    const read = importSettings(formatConfig(config));
    const { settings } = read;
    expect(read.program).toBe('studio');
    expect(settings).toMatchObject({ lora_rank: 24, output_name: 'x', epochs: 10 });
    expect(settings).not.toHaveProperty('base_model');
    expect(settings).not.toHaveProperty('resume');
    expect(left(read, 'place')).toEqual(['base_model']);
  });

  it('changes only what it names, and is held against what there is', () => {
    expect(importSettings('lora_rank: 8\nmin_bucket_reso: 256\n').settings).toEqual({
      lora_rank: 8,
      min_bucket_reso: 256,
    });
    const text = 'min_bucket_reso: 1280\n';
    expect(() => importSettings(text)).toThrow(/above max_bucket_reso/);
    expect(importSettings(text, { yours: { ...defaultConfig(), max_bucket_reso: 1536 } }).settings).toEqual({
      min_bucket_reso: 1280,
    });
    const off = { ...defaultConfig(), train_text_encoder: false };
    expect(() => importSettings('train_unet: false\n', { yours: off })).toThrow(/nothing would be trained/);
  });

  it('with our names and a mistake is refused with its line', () => {
    expect(() => importSettings('lora_rank: 8\nlora_rnk: 9\n')).toThrow(/Line 2: .*Did you mean lora_rank/);
  });
});

describe('a hostile file', () => {
  it('has bad values named and the rest taken', () => {
    const read = importSettings(
      '{"network_dim": 1e308, "network_alpha": 8, "__proto__": {"a": 1}, "constructor": true, "toString": "x",' +
        '"resolution": "512,what", "seed": {"deep": 3}, "learning_rate": [1], "sample_sampler": "constructor"}',
    );
    expect(read.settings).toMatchObject({ lora_alpha: 8 });
    expect(left(read, 'invalid').sort()).toEqual(['network_dim', 'resolution']);
    expect(left(read, 'rate')).toEqual(['learning_rate']);
    expect(left(read, 'unsupported', 'samples')).toEqual(
      expect.arrayContaining(['constructor', 'toString', 'sample_sampler', 'a', 'deep']),
    );
    expect(({} as Record<string, unknown>).a).toBeUndefined();
  });

  it.each([
    ['{"network_dim": 8', /Line 1: This is not valid JSON/],
    ['{"network_dim": 8,\n"network_dim": 16}', /Line 2: This is not valid JSON/],
    ['[a]\nnetwork_dim = \n', /Line 2: This is not valid TOML/],
    ['network_dim: [1, 2', /This is not valid YAML/],
    ['network_dim: &a 1\nnetwork_alpha: *a', /cannot be read as YAML/],
    [Array.from({ length: 29 }, (_, i) => `${' '.repeat(i)}?`).join('\n'), /nested too deeply/],
    ['{"name": "x", "version": 1}', /None of the names/],
    ['[{"a": 1}]', /None of the names/],
    ['network_dim = 8\nvae = "D:\\models\\v.pt"', /Line 2: vae is a Windows path .* single quotes/],
    ['{"train_data_dir": "C:\\Users\\me"}', /Line 1: train_data_dir is a Windows path/],
    ['network_dim: 8\nvae: "C:\\Users\\me"', /Line 2: vae is a Windows path/],
    ['just words', /no list of names and values/],
    ['', /no list of names and values/],
    [`network_dim = ${'['.repeat(2000)}${']'.repeat(2000)}`, /nested|TOML/],
    [`network_dim: ${'['.repeat(20_000)}`, /nested too deeply/],
    [`# ${'x'.repeat(300_000)}`, /larger than/],
  ])('%#: is refused with a sentence', (text, sentence) => {
    expect(() => importSettings(text)).toThrow(ConfigError);
    expect(() => importSettings(text)).toThrow(sentence);
  });

  it('of any text gives valid values or a ConfigError', () => {
    const line = fc.tuple(
      fc.constantFrom(
        'network_dim',
        'resolution',
        'optimizer_args',
        'sample_prompts',
        'max_train_steps',
        'x',
      ),
      fc.constantFrom(' = ', ': '),
      fc.oneof(fc.json(), fc.string()),
    );
    const file = fc.array(line.map((parts) => parts.join(''))).map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), file), (text) => {
        try {
          const { settings } = importSettings(text);
          checkConfig(settings);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('settings for Stable Diffusion 2.x', () => {
  const ai = (model: string) =>
    `job: extension\nconfig:\n  name: x\n  process:\n    - type: sd_trainer\n      model: { ${model} }\n      network: { type: lora, linear: 8 }\n`;
  it.each([
    ['sd-scripts', 'v2 = true\nv_parameterization = true\nnetwork_dim = 8\n', true],
    ['sd-scripts, 512', 'v2 = true\nnetwork_dim = 8\n', undefined],
    [
      'OneTrainer',
      '{"training_method": "LORA", "base_model_name": "x", "model_type": "STABLE_DIFFUSION_21", "lora_rank": 8, "force_v_prediction": false}',
      true,
    ],
    [
      'OneTrainer, base',
      '{"training_method": "LORA", "base_model_name": "x", "model_type": "STABLE_DIFFUSION_21_BASE", "lora_rank": 8}',
      undefined,
    ],
    ['ai-toolkit', ai('is_v2: true'), undefined],
    ['ai-toolkit, by name', ai('arch: sd2'), undefined],
  ])('%s', (_, text, v) => {
    const read = importSettings(text);
    expect(read.warnings).toContainEqual({ code: 'for-base', name: 'Stable Diffusion 2.x', ruins: false });
    expect(left(read, 'family')).toEqual([]);
    expect(read.settings.lora_rank).toBe(8);
    expect(read.settings.v_parameterization).toBe(v);
  });
});
