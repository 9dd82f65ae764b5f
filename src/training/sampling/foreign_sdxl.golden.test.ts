/**
 * SDXL's LoRAs as sd-scripts, diffusers, peft and OneTrainer wrote them (reference/make_foreign_sdxl_loras.py): drawing with
 * each, and with what a run that continues it saves, gives what those programs' own models give with them, in float64.
 */
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADAPTER_CONFIG, ADAPTER_FILE } from '../../formats/lora/adapter_config';
import { ADAPTER_FOLDERS, joinedAdapters } from '../../formats/lora/adapter_folders';
import { fromBytes, type ByteSource } from '../../formats/safetensors/byte_source';
import { closeDevice, gpu, openDevice } from '../../kernels/device';
import { read } from '../../kernels/program';
import { unet } from '../../models/unet';
import { encodeCaption } from '../data/dataset';
import { describedModel } from '../described.testing';
import { expectClose, golden } from '../golden.testing';
import { readGolden, type Golden } from '../golden_numbers.testing';
import { hashedCheckpoint } from '../hashed_weights.testing';
import { bytesOf, collect, of, QUICK, shortRun } from '../run.testing';
import { configOf, loadBaseModel, type BaseModel } from '../step/base_model';
import { applyLoras } from './apply_loras';

const checkpoint = () => hashedCheckpoint(describedModel('sdxl').tensors);
const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../formats/lora/fixtures/foreign_sdxl/${name}`, import.meta.url)));
/** A file, or peft's folders as one. */
function written(name: string): ByteSource | Promise<ByteSource> {
  if (name !== 'peft') return fromBytes(fixture(`${name}.safetensors`));
  return joinedAdapters(
    ADAPTER_FOLDERS.map((folder) => ({
      folder,
      source: fromBytes(fixture(`peft/${folder}/${ADAPTER_FILE}`)),
      config: new TextDecoder().decode(fixture(`peft/${folder}/${ADAPTER_CONFIG}`)),
    })),
  );
}

let base: BaseModel;
let inputs: Golden;
let want: Golden;

beforeAll(async () => {
  await openDevice({ tier: 'f32' });
  base = await loadBaseModel([checkpoint()]);
  inputs = await golden('sdxl');
  want = await readGolden((name) => fromBytes(fixture(name)), 'outputs');
});
afterAll(() => {
  expect(gpu().errors).toEqual([]);
  closeDevice();
});

/** The U-Net's output, the first 16 states of both text encoders and the pooled text, with a LoRA or none. */
async function drawnWith(source?: ByteSource) {
  const loras = await applyLoras(configOf(base), source ? [{ source, weight: 1 }] : []);
  const row = (name: string, length: number) => inputs.floats(name).subarray(0, length);
  const out = unet(
    { weights: base.unet.weights, lora: loras.of('unet') },
    base.unet.blocks,
    tf.tensor4d(row('noisy_nhwc', 16 * 24 * 4), [1, 16, 24, 4]),
    tf.tensor1d([inputs.ints('timesteps')[0]], 'float32'),
    tf.tensor3d(row('context', 77 * 192), [1, 77, 192]),
    tf.tensor2d(row('added', 320), [1, 320]),
  );
  const { context, pooled } = await encodeCaption(base, inputs.ints('ids').slice(0, 77), 1, loras.of);
  const values = { unet: await read(out), context: context.subarray(0, 16 * 192), pooled: pooled ?? [] };
  out.dispose();
  loras.dispose();
  return values;
}

function expectSame({ unet, context, pooled }: Awaited<ReturnType<typeof drawnWith>>) {
  expectClose('U-Net', unet, want.floats('unet_nhwc'), 1e-4);
  expectClose('text encoders', context, want.floats('context'), 1e-4);
  expectClose('pooled text', pooled, want.floats('pooled'), 1e-4);
}

test('the change is one that is seen', async () => {
  await expect(drawnWith().then(expectSame)).rejects.toThrow('relative error');
});

test.each([
  'sd_scripts',
  'diffusers',
  'diffusers_silent',
  'onetrainer_internal',
  'onetrainer_legacy',
  'onetrainer_kohya',
  'onetrainer_diffusers',
  'onetrainer_comfy',
  'peft',
])('%s', async (name) => {
  expectSame(await drawnWith(await written(name)));
});

// Their rank, another, and a strength that must be folded in; one of each program.
test.each([
  ['sd_scripts', 2, 3],
  ['diffusers_silent', 4, 4],
  ['onetrainer_kohya', 4, 1],
  ['peft', 2, 3],
])('%s, continued at rank %i', async (name, lora_rank, lora_alpha) => {
  const settings = {
    ...QUICK,
    lora_rank,
    lora_alpha,
    train_text_encoder: true,
    save_precision: 'float' as const,
    max_train_steps: 1,
    lr_warmup_steps: 0,
    // A step of Adam at this rate moves a value by 1e-12 at most.
    learning_rate: 1e-12,
    text_encoder_lr: 1e-12,
  };
  const given = {
    base: { name: 'tiny-sdxl.safetensors', files: [checkpoint()] },
    pretrained: await written(name),
  };
  const events = await collect(shortRun(settings, given));
  expect(of(events, 'saved')).toHaveLength(1);
  expectSame(await drawnWith(fromBytes(await bytesOf(of(events, 'saved')[0]?.lora))));
});
