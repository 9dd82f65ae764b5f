/**
 * LoRAs that sd-scripts, diffusers, peft and OneTrainer wrote (reference/make_foreign_loras.py): drawing with each, and with
 * what a run that continues it saves, gives what those programs' own models give with them, in float64.
 */
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADAPTER_CONFIG, ADAPTER_FILE, withAdapterConfig } from '../../formats/lora/adapter_config';
import { fromBytes, type ByteSource } from '../../formats/safetensors/byte_source';
import { closeDevice, gpu, openDevice } from '../../kernels/device';
import { read } from '../../kernels/program';
import { encodeText } from '../../models/clip';
import { unet } from '../../models/unet';
import { expectClose, golden } from '../golden.testing';
import { readGolden, type Golden } from '../golden_numbers.testing';
import { goldenSource } from '../golden_source.testing';
import { bytesOf, collect, of, QUICK, shortRun } from '../run.testing';
import { configOf, loadBaseModel, type BaseModel } from '../step/base_model';
import { applyLoras } from './apply_loras';

const FOREIGN = '../../formats/lora/fixtures/foreign/';
const bytes = (name: string) => new Uint8Array(readFileSync(new URL(FOREIGN + name, import.meta.url)));
const file = (name: string) => fromBytes(bytes(name));
const peft = (part: string): Promise<ByteSource> =>
  withAdapterConfig(
    file(`${part}/${ADAPTER_FILE}`),
    new TextDecoder().decode(bytes(`${part}/${ADAPTER_CONFIG}`)),
  );

const tiny = () => goldenSource('tiny-sd15.safetensors');
let base: BaseModel;
let inputs: Golden;
let ids: Int32Array;
let want: Golden;

beforeAll(async () => {
  await openDevice({ tier: 'f32' });
  base = await loadBaseModel([tiny()]);
  inputs = await golden('unet');
  ids = (await golden('text')).ints('ids');
  want = await readGolden(file, 'outputs');
});
afterAll(() => {
  expect(gpu().errors).toEqual([]);
  closeDevice();
});

/** The U-Net's output and the text encoder's, with LoRAs. */
async function drawnWith(sources: ByteSource[]) {
  const loras = await applyLoras(
    configOf(base),
    sources.map((source) => ({ source, weight: 1 })),
  );
  const out = unet(
    { weights: base.unet.weights, lora: loras.of('unet') },
    base.unet.blocks,
    tf.tensor4d(inputs.floats('latent_nhwc').subarray(0, 16 * 24 * 4), [1, 16, 24, 4]),
    tf.tensor1d([...inputs.ints('timesteps').subarray(0, 1)], 'float32'),
    tf.tensor3d(inputs.floats('context').subarray(0, 77 * 64), [1, 77, 64]),
  );
  const { weights, config } = base.text1;
  const tokens = tf.tensor2d(ids.subarray(0, 77), [1, 77], 'int32');
  const states = encodeText({ weights, lora: loras.of('text1') }, config, tokens);
  const values = { unet: await read(out), text: await read(states) };
  tf.dispose([out, states]);
  loras.dispose();
  return values;
}

function expectSame({ unet, text }: Awaited<ReturnType<typeof drawnWith>>) {
  expectClose('U-Net', unet, want.floats('unet_nhwc'), 1e-4);
  expectClose('text encoder', text, want.floats('text'), 1e-4);
}

test('the change is one that is seen', async () => {
  await expect(drawnWith([]).then(expectSame)).rejects.toThrow('relative error');
});

test.each([
  'sd_scripts',
  'diffusers',
  'diffusers_silent',
  'onetrainer_internal',
  'onetrainer_kohya',
  'onetrainer_diffusers',
  'onetrainer_ab',
])('%s', async (name) => {
  expectSame(await drawnWith([file(`${name}.safetensors`)]));
});

test('peft, its two adapters together', async () => {
  expectSame(await drawnWith([await peft('peft_unet'), await peft('peft_text_encoder')]));
});

// Their rank, another, and a strength that must be folded in; one of each program.
test.each([
  ['sd_scripts', 2, 3],
  ['diffusers_silent', 4, 4],
  ['onetrainer_kohya', 4, 1],
  ['peft_unet', 2, 3],
])('%s, continued at rank %i', async (name, lora_rank, lora_alpha) => {
  const isPeft = name === 'peft_unet';
  const settings = {
    ...QUICK,
    lora_rank,
    lora_alpha,
    train_text_encoder: !isPeft,
    save_precision: 'float' as const,
    max_train_steps: 1,
    lr_warmup_steps: 0,
    // A step of Adam at this rate moves a value by 1e-12 at most.
    learning_rate: 1e-12,
    text_encoder_lr: 1e-12,
  };
  const pretrained = isPeft ? await peft(name) : file(`${name}.safetensors`);
  const events = await collect(shortRun(settings, { pretrained }));
  expect(of(events, 'saved')).toHaveLength(1);
  const saved = fromBytes(await bytesOf(of(events, 'saved')[0]?.lora));
  expectSame(await drawnWith(isPeft ? [saved, await peft('peft_text_encoder')] : [saved]));
});
