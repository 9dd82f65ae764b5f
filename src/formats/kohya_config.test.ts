import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkConfig, ConfigError, defaultConfig } from './config';
import { formatConfig } from './config_format';
import { importSettings, type ImportNote } from './kohya_config';

const fixture = (name: string) => readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8');

const keys = (notes: readonly ImportNote[], kind: ImportNote['kind']) =>
  notes.filter((note) => note.kind === kind).map((note) => ('key' in note ? note.key : note.field));

describe("kohya_ss's form", () => {
  const { from, settings, notes } = importSettings(fixture('kohya_ss_form.json'));

  it('is taken over, in numbers, texts and roundabout ways', () => {
    expect(from).toBe('kohya');
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
      max_token_length: 150,
      clip_skip: 2,
      v_parameterization: false,
      min_snr_gamma: 5,
      noise_offset: 0.05,
      save_steps: 0,
      save_precision: 'fp16',
      sample_prompts: ['masterpiece, 1girl', '1girl, on a bridge'],
      sample_negative_prompt: 'lowres, bad hands',
      sample_seed: 7,
      sample_cfg_scale: 6.5,
      sample_steps: 28,
      sample_every_n_steps: 0,
      output_name: 'girl_v3',
      training_comment: 'trigger: girlv3',
    });
    expect(checkConfig(settings)).toMatchObject(settings);
  });

  it('has what it would have done elsewhere, and here cannot, named; and nothing else', () => {
    expect(keys(notes, 'unsupported').sort()).toEqual([
      'fp8_base',
      'multires_noise_discount',
      'multires_noise_iterations',
      'noise_offset_type',
      'reg_data_dir',
      'sample_every_n_epochs',
      'sample_sampler',
      'save_every_n_epochs',
    ]);
    expect(keys(notes, 'changed')).toEqual(['optimizer', 'max_resolution', 'mixed_precision']);
    expect(keys(notes, 'place').sort()).toEqual([
      'output_dir',
      'pretrained_model_name_or_path',
      'train_data_dir',
    ]);
    expect(keys(notes, 'assumed')).toEqual([]);
    expect(keys(notes, 'invalid')).toEqual([]);
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
    expect(parts(0, 0)).toEqual([true, true]);
  });
});

describe("sd-scripts' TOML", () => {
  const { settings, notes } = importSettings(fixture('sd_scripts.toml'));

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
      enable_bucket: true,
      num_repeats: 5,
      shuffle_caption: true,
      keep_tokens: 2,
    });
  });

  it("has kohya's silent defaults named, for its alpha of 1 is not ours", () => {
    expect(keys(notes, 'assumed')).toEqual(['lora_alpha']);
    expect(keys(notes, 'unsupported').sort()).toEqual(['network_args', 'subsets[1]', 'zero_terminal_snr']);
    expect(keys(notes, 'place').sort()).toEqual([
      'image_dir',
      'pretrained_model_name_or_path',
      'sample_prompts',
    ]);
  });

  it('of a data set alone assumes nothing', () => {
    const imported = importSettings(
      '[[datasets]]\nresolution = 768\n[[datasets.subsets]]\nnum_repeats = 10\n',
    );
    expect(imported).toEqual({ from: 'kohya', settings: { resolution: 768, num_repeats: 10 }, notes: [] });
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
    const { from, settings, notes } = importSettings(fixture('lora_scripts.yaml'));
    expect(from).toBe('kohya');
    expect(settings).toMatchObject({
      lora_rank: 32,
      unet_lr: 1e-4,
      text_encoder_lr: 1e-5,
      weight_decay: 0.01,
      mixed_precision: 'auto',
      clip_skip: 2,
      epochs: 10,
    });
    expect(settings).not.toHaveProperty('optimizer');
    expect(keys(notes, 'unsupported').sort()).toEqual([
      'optimizer_args d_coef',
      'optimizer_type',
      'save_every_n_epochs',
    ]);
  });

  it('with our names is ours, without its paths', () => {
    const config = { ...defaultConfig(), lora_rank: 24, base_model: './other.safetensors', output_name: 'x' };
    const { from, settings, notes } = importSettings(formatConfig(config));
    expect(from).toBe('studio');
    expect(settings).toMatchObject({ lora_rank: 24, output_name: 'x', epochs: 10 });
    expect(settings).not.toHaveProperty('base_model');
    expect(settings).not.toHaveProperty('resume');
    expect(notes).toEqual([{ kind: 'place', key: 'base_model', value: './other.safetensors' }]);
  });

  it('changes only what it names, and is held against what there is', () => {
    expect(importSettings('lora_rank: 8\nmin_bucket_reso: 256\n').settings).toEqual({
      lora_rank: 8,
      min_bucket_reso: 256,
    });
    const text = 'min_bucket_reso: 1280\n';
    expect(() => importSettings(text)).toThrow(/above max_bucket_reso/);
    expect(importSettings(text, { ...defaultConfig(), max_bucket_reso: 1536 }).settings).toEqual({
      min_bucket_reso: 1280,
    });
    const off = { ...defaultConfig(), train_text_encoder: false };
    expect(() => importSettings('train_unet: false\n', off)).toThrow(/nothing would be trained/);
    // A place that was set here is none of the file's.
    expect(importSettings('seed: 1\n', { ...defaultConfig(), base_model: './mine' }).notes).toEqual([]);
  });

  it('with our names and a mistake is refused with its line', () => {
    expect(() => importSettings('lora_rank: 8\nlora_rnk: 9\n')).toThrow(/Line 2: .*Did you mean lora_rank/);
  });
});

describe('a hostile file', () => {
  it('has bad values named and the rest taken', () => {
    const { settings, notes } = importSettings(
      '{"network_dim": 1e308, "network_alpha": 8, "__proto__": {"a": 1}, "constructor": true, "toString": "x",' +
        '"resolution": "512,what", "seed": {"deep": 3}, "learning_rate": [1], "sample_sampler": "constructor"}',
    );
    expect(settings).toMatchObject({ lora_alpha: 8 });
    expect(keys(notes, 'invalid')).toEqual(['network_dim', 'learning_rate', 'resolution']);
    expect(keys(notes, 'unsupported')).toEqual(
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
    ['just words', /no list of names and values/],
    ['', /no list of names and values/],
    [`network_dim = ${'['.repeat(2000)}${']'.repeat(2000)}`, /nested|TOML/],
    [`network_dim: ${'['.repeat(20_000)}`, /YAML/],
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
