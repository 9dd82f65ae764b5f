import { expect, test } from 'vitest';
import { fromBytes, type ByteSource } from '../safetensors/byte_source';
import { importFromLora } from './import_settings';
import { writeSafetensors } from '../safetensors/safetensors_write';

function lora(metadata: Record<string, string>, ...names: string[]) {
  return writeSafetensors(
    (names.length > 0 ? names : ['lora_unet_x.lora_down.weight']).map((name) => ({
      name,
      dtype: 'F16' as const,
      shape: [1],
      data: new Uint8Array(2),
    })),
    metadata,
  );
}

const kohya = {
  ss_output_name: 'fox',
  ss_learning_rate: '0.0001',
  ss_unet_lr: '0.0001',
  ss_text_encoder_lr: 'None',
  ss_network_module: 'networks.lora',
  ss_network_dim: '16',
  ss_network_alpha: '8.0',
  ss_network_args: '{"conv_dim": "4"}',
  ss_optimizer: 'bitsandbytes.optim.adamw.AdamW8bit(weight_decay=0.1,betas=(0.9, 0.95))',
  ss_num_epochs: '7',
  ss_max_train_steps: '1400',
  ss_batch_size_per_device: '2',
  ss_resolution: '(512, 768)',
  ss_lr_scheduler: 'cosine',
  ss_clip_skip: '2',
  ss_max_token_length: 'None',
  ss_base_model_version: 'sd_v1',
  ss_debiased_estimation: 'True',
  ss_loss_type: 'l2',
  ss_steps: '1400',
  ss_tag_frequency: '{"10_fox": {"fox": 20}}',
  sshs_model_hash: 'abc',
};

test("sd-scripts' metadata is its settings; what tells how it went is a record", async () => {
  const read = await importFromLora(fromBytes(lora(kohya)));
  expect(read.program).toBe('lora');
  expect(read.settings).toEqual({
    output_name: 'fox',
    learning_rate: 1e-4,
    unet_lr: 1e-4,
    train_unet: true,
    train_text_encoder: false,
    lora_rank: 16,
    lora_alpha: 8,
    optimizer: 'adamw',
    weight_decay: 0.1,
    adam_beta1: 0.9,
    adam_beta2: 0.95,
    epochs: 7,
    max_train_steps: 0,
    batch_size: 2,
    resolution: 640,
    lr_scheduler: 'cosine',
    clip_skip: 2,
    debiased_estimation_loss: true,
    enable_bucket: false,
  });
  expect(read.left.filter(({ why }) => why === 'record').map(({ key }) => key)).toEqual([
    'ss_steps',
    'ss_tag_frequency',
    'sshs_model_hash',
  ]);
  expect(read.warnings.map(({ name }) => name)).toEqual(['LoCon (conv_dim=4)']);
});

test('what modelspec says is a record, and a weight of 1.0 is 1', async () => {
  const read = await importFromLora(
    fromBytes(
      lora({
        ...kohya,
        ss_network_args: 'null',
        ss_prior_loss_weight: '1.0',
        'modelspec.date': '2026-11-28T22:00:00',
        'modelspec.prediction_type': 'epsilon',
        'modelspec.architecture': 'stable-diffusion-v1/lora',
      }),
    ),
  );
  expect(read.warnings).toEqual([]);
  const why = (key: string) => read.left.find((each) => each.key === key)?.why;
  expect(['modelspec date', 'modelspec prediction_type', 'prior_loss_weight'].map(why)).toEqual([
    'record',
    'record',
    'off',
  ]);
});

test('an adaptive optimizer and another family are said first, and no rate of 1 comes over', async () => {
  const read = await importFromLora(
    fromBytes(
      lora({
        ...kohya,
        ss_base_model_version: 'sdxl_base_v1-0',
        ss_optimizer: 'prodigyopt.prodigy.Prodigy(d_coef=2)',
        ss_learning_rate: '1.0',
        ss_unet_lr: '1.0',
      }),
    ),
  );
  expect(read.warnings.filter(({ ruins }) => ruins).map(({ code }) => code)).toEqual([
    'adapter',
    'optimizer',
  ]);
  for (const rate of ['learning_rate', 'unet_lr', 'text_encoder_lr'])
    expect(read.settings).not.toHaveProperty(rate);
});

test("OneTrainer's own config inside its LoRA is read", async () => {
  const ot_config = JSON.stringify({ training_method: 'LORA', lora_rank: 12, lora_alpha: 6, epochs: 3 });
  const read = await importFromLora(fromBytes(lora({ ot_config })));
  expect(read).toMatchObject({
    program: 'lora-onetrainer',
    settings: { lora_rank: 12, lora_alpha: 6, epochs: 3 },
  });
});

test('a file that says nothing is refused with a sentence, and nothing but the header is ever read', async () => {
  await expect(importFromLora(fromBytes(lora({ format: 'pt' })))).rejects.toThrow(
    /does not say what it was trained with/,
  );
  const bytes = lora(kohya);
  const header = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  let read = 0;
  const source: ByteSource = {
    byteLength: bytes.byteLength,
    slice: (start, end) => {
      read = Math.max(read, end);
      return Promise.resolve(bytes.slice(start, end).buffer);
    },
  };
  await importFromLora(source);
  expect(read).toBeLessThanOrEqual(Math.max(16, header));
});

test('how the base model lay in memory is said by a name of ours', async () => {
  const read = await importFromLora(
    fromBytes(lora({ ...kohya, ss_fp8_base: 'False', ss_base_precision: 'int8' })),
  );
  expect(read.settings).toMatchObject({ base_precision: 'int8' });
});

test('what an SD 2.x LoRA says of its base model says what is predicted', async () => {
  for (const [version, v] of [
    ['sd_v2', false],
    ['sd_v2_v', true],
  ] as const) {
    const read = await importFromLora(
      fromBytes(lora({ ss_v2: 'True', ss_base_model_version: version, ss_network_dim: '8' })),
    );
    expect(read.settings).toMatchObject({ v_parameterization: v, lora_rank: 8 });
    expect(read.warnings).toEqual([{ code: 'for-base', name: 'Stable Diffusion 2.x', ruins: false }]);
  }
});
