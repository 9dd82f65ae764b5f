import { describe, expect, it } from 'vitest';
import { fromBytes } from '../safetensors/byte_source';
import { buildLoraFile } from './kohya_lora';
import { chooseMetadata, rewriteLora, usualChoice } from './private_metadata';
import { readHeader } from '../safetensors/safetensors';
import { minimalMetadata, tagFrequency, trainingMetadata, type TrainingFacts } from './kohya_metadata';
import { float } from './python_str';
import { sd1Facts } from '../families/sd1';

const facts: TrainingFacts = {
  outputName: '水墨',
  sessionId: 1234567890,
  startedAt: 1_700_000_000_500,
  finishedAt: 1_700_000_600_000,
  learningRate: 1e-4,
  unetLearningRate: 1e-4,
  textLearningRate: 1e-5,
  trainUnet: true,
  trainText: false,
  trainImages: 20,
  batchesPerEpoch: 10,
  epochs: 10,
  epoch: 10,
  step: 100,
  maxSteps: 100,
  batchSize: 2,
  accumulationSteps: 3,
  recompute: true,
  scheduler: 'cosine',
  warmupSteps: 0,
  adapter: 'lora',
  loss: 'l2',
  rank: 8,
  alpha: 8,
  dropout: 0,
  mixedPrecision: 'fp16',
  vPrediction: false,
  zeroTerminalSnr: false,
  basePrecision: 'fp16',
  clipSkip: 1,
  maxTokenLength: 75,
  seed: 42,
  noiseOffset: 0,
  adaptiveNoiseScale: 0.01,
  debiasedEstimation: true,
  minSnrGamma: 5,
  captionDropout: 0.05,
  captionDropoutEveryNEpochs: 3,
  captionTagDropout: 0.1,
  maxGradNorm: 1,
  optimizer: {
    name: 'torch.optim.adamw.AdamW',
    args: { weight_decay: float(0.01), betas: [float(0.9), float(0.999)] },
  },
  comment: '',
  resolution: [512, 512],
  flip: false,
  shuffleCaption: true,
  keepTokens: 1,
  buckets: {
    enabled: true,
    noUpscale: false,
    minimum: 256,
    maximum: 1024,
    list: [{ width: 512, height: 512, count: 20 }],
    meanAspectError: 0.025,
  },
  datasets: [{ folder: '10_猫', repeats: 10, images: 2, captions: ['1girl, Solo', 'solo, a "b"'] }],
  baseModel: { fileName: 'v1-5.safetensors', legacyHash: '81761151', sha256: null },
  program: 'lora-studio 0.1.0',
  family: sd1Facts.metadata,
};

describe('trainingMetadata', () => {
  const metadata = trainingMetadata(facts);

  it('has the keys of kohya, all strings, all non-empty', () => {
    const keys =
      'session_id training_started_at training_finished_at output_name learning_rate text_encoder_lr unet_lr num_train_images num_validation_images num_reg_images num_batches_per_epoch num_epochs epoch steps gradient_checkpointing gradient_accumulation_steps max_train_steps lr_warmup_steps lr_scheduler network_module network_dim network_alpha network_dropout mixed_precision full_fp16 v2 base_model_version clip_skip max_token_length cache_latents seed lowram noise_offset noise_offset_random_strength multires_noise_iterations multires_noise_discount adaptive_noise_scale zero_terminal_snr training_comment sd_scripts_commit_hash optimizer max_grad_norm caption_dropout_rate caption_dropout_every_n_epochs caption_tag_dropout_rate face_crop_aug_range prior_loss_weight min_snr_gamma scale_weight_norms ip_noise_gamma ip_noise_gamma_random_strength debiased_estimation loss_type huber_schedule huber_scale huber_c fp8_base fp8_base_unet validation_seed validation_split max_validation_steps validate_every_n_epochs validate_every_n_steps resize_interpolation sd_model_name sd_model_hash batch_size_per_device total_batch_size resolution color_aug flip_aug random_crop shuffle_caption enable_bucket bucket_no_upscale min_bucket_reso max_bucket_reso keep_tokens dataset_dirs reg_dataset_dirs tag_frequency bucket_info';
    const spec =
      'sai_model_spec architecture implementation title resolution date prediction_type implementation_version';
    const wanted = [
      ...keys.split(' ').map((key) => `ss_${key}`),
      ...spec.split(' ').map((key) => `modelspec.${key}`),
    ];
    expect(Object.keys(metadata).sort()).toEqual(wanted.sort());
    for (const value of Object.values(metadata)) expect(value).toMatch(/./);
  });

  it('prints values as Python does', () => {
    expect(metadata).toMatchObject({
      ss_learning_rate: '0.0001',
      ss_text_encoder_lr: 'None',
      ss_gradient_checkpointing: 'True',
      ss_network_dim: '8',
      ss_network_alpha: '8.0',
      ss_network_dropout: 'None',
      ss_min_snr_gamma: '5.0',
      ss_noise_offset: 'None',
      ss_caption_dropout_rate: '0.05',
      ss_training_started_at: '1700000000.5',
      ss_total_batch_size: '6',
      ss_v2: 'False',
      ss_resolution: '(512, 512)',
      ss_optimizer: 'torch.optim.adamw.AdamW(weight_decay=0.01,betas=[0.9, 0.999])',
      ss_dataset_dirs: '{"10_\\u732b": {"n_repeats": 10, "img_count": 2}}',
      ss_tag_frequency: '{"10_\\u732b": {"1girl": 1, "solo": 2, "a \\"b\\"": 1}}',
      ss_bucket_info:
        '{"buckets": {"0": {"resolution": [512, 512], "count": 20}}, "mean_img_ar_error": 0.025}',
      'modelspec.architecture': 'stable-diffusion-v1/lora',
      'modelspec.resolution': '512x512',
      'modelspec.prediction_type': 'epsilon',
      'modelspec.date': '2023-11-14T22:23:20',
    });
  });

  it('says what is on when it is on', () => {
    const on = trainingMetadata({
      ...facts,
      trainText: true,
      clipSkip: 2,
      maxTokenLength: 225,
      vPrediction: true,
      zeroTerminalSnr: true,
      basePrecision: 'int8',
      dropout: 0.1,
      noiseOffset: 0.05,
      comment: 'trigger: inkwash',
    });
    expect(on).toMatchObject({
      ss_text_encoder_lr: '1e-05',
      ss_clip_skip: '2',
      ss_max_token_length: '225',
      ss_network_dropout: '0.1',
      ss_noise_offset: '0.05',
      ss_training_comment: 'trigger: inkwash',
      ss_base_precision: 'int8',
      ss_fp8_base: 'False',
      'modelspec.prediction_type': 'v',
      'modelspec.encoder_layer': '2',
    });
    const flat = trainingMetadata({ ...facts, buckets: { ...facts.buckets, enabled: false } });
    expect(flat).toMatchObject({
      ss_enable_bucket: 'False',
      ss_bucket_info: 'null',
      ss_min_bucket_reso: 'None',
    });
  });

  it('names a VAE of its own, and the whole hash of the base model, as kohya does', () => {
    const sha256 = 'ab'.repeat(32);
    const more = trainingMetadata({
      ...facts,
      baseModel: { ...facts.baseModel, sha256 },
      vae: { fileName: 'mse.safetensors', legacyHash: '1234abcd', sha256: null },
    });
    expect(more).toMatchObject({
      ss_new_sd_model_hash: sha256,
      ss_vae_name: 'mse.safetensors',
      ss_vae_hash: '1234abcd',
    });
    expect(Object.keys(more)).not.toContain('ss_new_vae_hash');
    expect(Object.keys(metadata).filter((key) => key.includes('vae_'))).toEqual([]);
  });

  it('fills the chips of WebUI, the commonest tag first', async () => {
    const module = {
      name: 'lora_unet_mid_block_attentions_0_proj_in',
      down: new Float32Array(8).fill(1),
      downShape: [1, 8],
      up: new Float32Array(8).fill(1),
      upShape: [8, 1],
      alpha: 1,
    };
    const datasets = [
      { folder: '10_fox', repeats: 10, images: 2, captions: ['zk, a fox, snow', 'zk, a fox'] },
      { folder: '5_cat', repeats: 5, images: 1, captions: ['zk, a "grey" cat, 雪'] },
    ];
    const full = trainingMetadata({ ...facts, datasets });
    const trained = await buildLoraFile({ modules: [module], precision: 'fp16', metadata: full });
    const given = await rewriteLora(fromBytes(trained), chooseMetadata(full, usualChoice));
    const { metadata: read } = await readHeader(fromBytes(given));
    expect(chipsOf(read)).toEqual([
      ['zk', 3],
      ['a fox', 2],
      ['snow', 1],
      ['a "grey" cat', 1],
      ['雪', 1],
    ]);
    expect(JSON.parse(read['ss_dataset_dirs'] ?? '')).toEqual({
      '10_fox': { n_repeats: 10, img_count: 2 },
      '5_cat': { n_repeats: 5, img_count: 1 },
    });
    const quiet = { ...usualChoice, tags: false, names: false };
    expect(chipsOf(chooseMetadata(full, quiet))).toEqual([]);
  });

  it('can be cut down to what a LoRA needs to be applied', () => {
    const keys = Object.keys(minimalMetadata(metadata)).filter((key) => key.startsWith('ss_'));
    expect(keys.sort()).toEqual([
      'ss_base_model_version',
      'ss_network_alpha',
      'ss_network_dim',
      'ss_network_module',
      'ss_v2',
    ]);
  });
});

describe('tagFrequency', () => {
  it('splits at commas, trims, lower-cases, and takes any tag for a name', () => {
    expect([...tagFrequency(['A, b,, a ', '__proto__, 1', ''])]).toEqual([
      ['a', 2],
      ['b', 1],
      ['__proto__', 1],
      ['1', 1],
    ]);
  });
});

/** WebUI's rule: values that begin with a brace are JSON; tags of all folders are added up and sorted by count. */
function chipsOf(metadata: Readonly<Record<string, string>>): [string, number][] {
  const text = metadata['ss_tag_frequency'];
  if (!text?.startsWith('{')) return [];
  const sums = new Map<string, number>();
  for (const counts of Object.values(JSON.parse(text) as Record<string, Record<string, number>>))
    for (const [tag, count] of Object.entries(counts))
      sums.set(tag.trim(), (sums.get(tag.trim()) ?? 0) + Math.trunc(count));
  return [...sums].sort((a, b) => b[1] - a[1]);
}
