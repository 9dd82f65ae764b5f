/** Exported LoRAs on the base model against PyTorch: whole, at a weight, several at once. */
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { fromBytes } from '../../formats/safetensors/byte_source';
import { LoraError, type LoraErrorCode } from '../../formats/lora/lora_error';
import { gpu } from '../../kernels/device';
import { read } from '../../kernels/program';
import { encodeText } from '../../models/clip';
import { unet } from '../../models/unet';
import { applyLoras } from './apply_loras';
import { expectClose, golden, onTiers } from '../golden.testing';
import { goldenSource } from '../golden_source.testing';
import { configOf } from '../step/base_model';

onTiers((base, tier) => {
  const tolerance = tier === 'f32' ? 1e-4 : 1e-2;
  const source = goldenSource('lora_init.safetensors');
  const predict = async (weights: number[]) => {
    const inputs = await golden('unet');
    const loras = await applyLoras(
      configOf(base()),
      weights.map((weight) => ({ source, weight })),
    );
    const out = unet(
      { weights: base().unet.weights, lora: loras.of('unet') },
      base().unet.blocks,
      tf.tensor4d(inputs.floats('latent_nhwc'), [2, 16, 24, 4]),
      tf.tensor1d([...inputs.ints('timesteps')], 'float32'),
      tf.tensor3d(inputs.floats('context'), [2, 77, 64]),
    );
    const values = await read(out);
    out.dispose();
    loras.dispose();
    return values;
  };

  test('at weight 1 and at 0.6', async () => {
    const want = await golden('unet_lora');
    expectClose('weight 1', await predict([1]), want.floats('out_nhwc'), tolerance);
    expectClose('weight 0.6', await predict([0.6]), want.floats('out_weight_0.6_nhwc'), tolerance);
  });

  test('two at once add up; weight 0 is the base model', async () => {
    const want = await golden('unet_lora');
    expectClose('0.3 and 0.7', await predict([0.3, 0.7]), want.floats('out_nhwc'), tolerance);
    expectClose('0', await predict([0]), (await golden('unet')).floats('out_nhwc'), tolerance);
  });

  test('on the text encoder', async () => {
    const want = await golden('unet_lora');
    const { text1: text } = base();
    const loras = await applyLoras(configOf(base()), [{ source, weight: 1 }]);
    const ids = tf.tensor2d((await golden('text')).ints('ids'), [2, 77], 'int32');
    const states = encodeText({ weights: text.weights, lora: loras.of('text1') }, text.config, ids);
    expectClose('states', await read(states), want.floats('text_out'), tolerance);
    loras.dispose();
  });

  test('one of another model is refused by name', async () => {
    const config = configOf(base());
    const other = { ...config, unet: { ...config.unet, contextChannels: 768 } };
    const error: unknown = await applyLoras(other, [{ source, weight: 1 }]).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(LoraError);
    expect((error as LoraError).code).toBe<LoraErrorCode>('wrong-shape');
    const { usedBytes } = gpu().buffers.ledger();
    const broken = { source: fromBytes(new Uint8Array(100)), weight: 1 };
    await expect(applyLoras(config, [{ source, weight: 1 }, broken])).rejects.toThrow();
    expect(gpu().buffers.ledger().usedBytes).toBe(usedBytes);
  });
});
