/**
 * The gradient of every LoRA tensor against PyTorch in float64, with all blocks recomputed, none, and in between; and
 * the loss. f32: within 1e-3 relative for each tensor. f16: the direction of each tensor, cosine over 0.999.
 */
import { expect, test } from 'vitest';
import { parseLora } from '../formats/kohya_lora';
import { kohyaName } from '../formats/kohya_names';
import { gpu } from '../kernels/device';
import { relativeError } from '../kernels/testing';
import { read } from '../kernels/program';
import { LoraParameters } from '../models/lora';
import type { BaseModel } from './base_model';
import { cosine, golden, goldenSource, onTiers, type Golden } from './golden.testing';
import { loraShapes } from './lora_file';
import { minSnrWeight, noiseSchedule } from './noise_schedule';
import { createOptimizer, disposeOptimizer } from './optimizer';
import { StepEngine, type MicroBatch, type StepSettings } from './step';

const SETTINGS: StepSettings = {
  text: 'given',
  trainUnet: true,
  chunks: 1,
  clipSkip: 1,
  vPrediction: false,
  keepFrom: 0,
  record: false,
};

onTiers((base, tier) => {
  test.each([
    ['keeping all', 0],
    ['recomputing half', 10],
    ['recomputing all', 99],
  ])('U-Net only, %s', async (_, keepFrom) => {
    const want = await golden('grads');
    const { loss, gradients } = await differentiate(
      base(),
      { ...SETTINGS, keepFrom },
      await batchOf(want, 'context'),
    );
    expect(relativeError([loss], want.floats('unet_only/loss'))).toBeLessThan(tier === 'f32' ? 1e-4 : 1e-2);
    expectGradients(want, 'unet_only', gradients, tier);
  });

  test('v prediction, min-SNR', async () => {
    const want = await golden('grads');
    const weights = [...want.ints('timesteps')].map((t) => minSnrWeight(noiseSchedule(), t, 5, true));
    const batch = { ...(await batchOf(want, 'context')), weights };
    const { loss } = await differentiate(base(), { ...SETTINGS, vPrediction: true }, batch);
    expect(relativeError([loss], want.floats('unet_only/loss_v_min_snr_5'))).toBeLessThan(
      tier === 'f32' ? 1e-4 : 1e-2,
    );
  });

  test('U-Net and text encoder', async () => {
    const want = await golden('grads');
    const weights = [...want.ints('timesteps')].map((t) => minSnrWeight(noiseSchedule(), t, 5, false));
    const batch = { ...(await batchOf(want, 'ids')), weights };
    const { loss, gradients } = await differentiate(
      base(),
      { ...SETTINGS, text: 'trained', keepFrom: 12 },
      batch,
    );
    expect(relativeError([loss], want.floats('with_text/loss_min_snr_5'))).toBeLessThan(
      tier === 'f32' ? 1e-4 : 1e-2,
    );
    expectGradients(want, 'with_text', gradients, tier);
  });
});

async function batchOf(want: Golden, text: 'context' | 'ids'): Promise<MicroBatch> {
  return {
    size: 2,
    height: 16,
    width: 24,
    x0: want.floats('x0_nhwc'),
    noise: want.floats('noise_nhwc'),
    timesteps: [...want.ints('timesteps')],
    weights: [1, 1],
    ...(text === 'context' ? { context: want.floats('context') } : { ids: want.ints('ids') }),
  };
}

/** Loss and, by kohya's tensor name, gradients. */
async function differentiate(
  base: BaseModel,
  settings: StepSettings,
  batch: MicroBatch,
): Promise<{ loss: number; gradients: Map<string, Float32Array> }> {
  const config = { unet: base.unet.config, vae: base.vae.config, text: base.text.config };
  const file = await parseLora(goldenSource('lora_init.safetensors'));
  const byName = new Map(file.modules.map((module) => [module.name, module]));
  const shapes = loraShapes(config, {
    train_unet: settings.trainUnet,
    train_text_encoder: settings.text === 'trained',
  });
  const lora = new LoraParameters(shapes, 4, 2);
  lora.set(({ part, path }) => {
    const module = byName.get(kohyaName(part, path));
    if (!module) throw new Error(`lora_init lacks ${path}`);
    return module;
  });
  const optimizer = createOptimizer('adamw', lora.size, lora.textSize, gpu().f16);
  const engine = new StepEngine(base, lora, optimizer, settings);
  engine.begin();
  engine.micro(batch, 1);
  const [loss = NaN] = await read(engine.loss);
  const [scale = NaN] = await read(optimizer.lossScale);
  const flat = (await read(optimizer.gradient)).map((g) => g / scale);
  const gradients = new Map<string, Float32Array>();
  for (const module of lora.modules) {
    const pair = lora.split(flat).get(module.path);
    const name = kohyaName(module.part, module.path);
    if (!pair) continue;
    gradients.set(`${name}.lora_down.weight`, pair.down);
    gradients.set(`${name}.lora_up.weight`, pair.up);
  }
  engine.dispose();
  disposeOptimizer(optimizer);
  lora.dispose();
  return { loss, gradients };
}

function expectGradients(
  want: Golden,
  prefix: string,
  got: ReadonlyMap<string, Float32Array>,
  tier: string,
): void {
  const names = want.names.filter((name) => name.startsWith(`${prefix}/lora_`));
  expect(names.length).toBeGreaterThan(100);
  for (const name of names) {
    const gradient = got.get(name.slice(prefix.length + 1));
    if (!gradient) throw new Error(`No gradient for ${name}.`);
    const reference = want.floats(name);
    if (tier === 'f32') expect(relativeError(gradient, reference), name).toBeLessThan(1e-3);
    else expect(cosine(gradient, reference), name).toBeGreaterThan(0.999);
  }
}
