/**
 * Thirty training steps with PyTorch's latents, noise and timesteps: the loss of each, the norm of each gradient, and
 * the LoRA at the end. f32 stays within 1e-3 of float64 although AdamW divides by small second moments; f16 keeps every
 * loss within 1 %.
 */
import { expect, test } from 'vitest';
import { defaultConfig } from '../../formats/config/config';
import type { TrainConfig } from '../../formats/config/config_fields';
import { gpu } from '../../kernels/device';
import { read } from '../../kernels/program';
import { relativeError } from '../../kernels/testing';
import { LoraParameters } from '../../models/lora';
import type { BaseModel } from './base_model';
import { cosine, golden, onTiers, type Golden } from '../golden.testing';
import { loraShapes } from './lora_file';
import { minSnrWeight } from './noise_schedule';
import { createOptimizer, disposeOptimizer, readReport, setHyper, update } from './optimizer';
import { StepEngine, type MicroBatch } from './step';
import { noiseSchedule } from '../../models/schedule';
import { sd1Facts } from '../../formats/families/sd1';
import { configOf } from './base_model';

onTiers((base, tier) => {
  const f32 = tier === 'f32';
  test('AdamW, 30 steps', async () => {
    const want = await golden('steps');
    const got = await run(base(), want, 'adamw', { learning_rate: 1e-2 }, 1, true);
    for (const [i, loss] of got.losses.entries()) {
      expect(relativeError([loss], [want.floats('adamw/losses')[i]]), `loss ${i}`).toBeLessThan(
        f32 ? 1e-4 : 1e-2,
      );
    }
    expect(relativeError(got.norms, want.floats('adamw/grad_norms'))).toBeLessThan(f32 ? 1e-3 : 2e-2);
    expectFinal(got.final, want, 'adamw', f32 ? 0.9999 : 0.99);
  });

  test('Lion, 8 steps', async () => {
    const want = await golden('steps');
    const got = await run(
      base(),
      want,
      'lion',
      { optimizer: 'lion', adam_beta2: 0.99, learning_rate: 5e-3 },
      1,
      true,
    );
    for (const [i, loss] of got.losses.entries()) {
      expect(relativeError([loss], [want.floats('lion/losses')[i]]), `loss ${i}`).toBeLessThan(
        f32 ? 1e-3 : 1e-2,
      );
    }
    expectFinal(got.final, want, 'lion', f32 ? 0.999 : 0.95);
  });

  test('gradient accumulation, 4 steps of 2', async () => {
    const want = await golden('steps');
    const got = await run(base(), want, 'accumulate', { learning_rate: 1e-2 }, 2, true);
    const losses = want.floats('accumulate/losses');
    for (const [i, loss] of got.losses.entries()) {
      const mean = (losses[2 * i] + losses[2 * i + 1]) / 2;
      expect(relativeError([loss], [mean]), `loss ${i}`).toBeLessThan(f32 ? 1e-4 : 1e-2);
    }
    expect(relativeError(got.norms, want.floats('accumulate/grad_norms'))).toBeLessThan(f32 ? 1e-3 : 2e-2);
    expectFinal(got.final, want, 'accumulate', f32 ? 0.9999 : 0.99);
  });

  test('a replayed step gives the bits of the step run the plain way', async () => {
    const want = await golden('steps');
    const settings = { learning_rate: 1e-2 };
    const replayed = await run(base(), want, 'accumulate', settings, 2, true);
    const plain = await run(base(), want, 'accumulate', settings, 2, false);
    expect(replayed.losses).toEqual(plain.losses);
    expect(replayed.norms).toEqual(plain.norms);
    expect(replayed.values).toEqual(plain.values);
  });
});

interface Trained {
  losses: number[];
  norms: number[];
  values: Float32Array;
  final: Map<string, Float32Array>;
}

async function run(
  base: BaseModel,
  want: Golden,
  name: string,
  settings: Partial<TrainConfig>,
  accumulation: number,
  record: boolean,
): Promise<Trained> {
  const config: TrainConfig = {
    ...defaultConfig(),
    weight_decay: 0.01,
    max_grad_norm: want.floats('max_norm')[0],
    ...settings,
  };
  const rates = want.floats(`${name}/rates`);
  const lora = new LoraParameters(
    loraShapes(configOf(base), { train_unet: true, train_text_encoder: false }),
    2,
    1,
  );
  lora.set(({ name, out }) => ({
    down: want.floats(`start/${name}.lora_down.weight`),
    up: new Float32Array(2 * out),
  }));
  const optimizer = createOptimizer(config.optimizer, lora.size, lora.textSize, gpu().f16);
  const engine = new StepEngine(base, lora, optimizer, {
    text: 'given',
    trainUnet: true,
    chunks: 1,
    clipSkip: 1,
    vPrediction: false,
    keepFrom: 8,
    record,
  });
  const losses: number[] = [];
  const norms: number[] = [];
  for (const [step, rate] of rates.entries()) {
    setHyper(optimizer, config, () => rate / config.learning_rate, gpu().f16);
    engine.begin();
    for (let micro = 0; micro < accumulation; micro++)
      engine.micro(batchOf(want, step * accumulation + micro, accumulation), 0);
    update(optimizer, lora.values);
    losses.push((await read(engine.loss))[0]);
    const report = await readReport(optimizer);
    expect(report.skipped).toBe(false);
    norms.push(report.gradientNorm);
  }
  const values = await read(lora.values);
  const final = new Map<string, Float32Array>();
  for (const [path, { down, up }] of lora.split(values)) {
    const name = base.family.lora.unet?.name(path) ?? '';
    final.set(`${name}.lora_down.weight`, down);
    final.set(`${name}.lora_up.weight`, up);
  }
  engine.dispose();
  disposeOptimizer(optimizer);
  lora.dispose();
  return { losses, norms, values, final };
}

function batchOf(want: Golden, i: number, accumulation: number): MicroBatch {
  const pair = (name: string) => [...want.ints(name).subarray(2 * i, 2 * i + 2)];
  const pick = (name: string, length: number, indices: number[]) => {
    const all = want.floats(name);
    return Float32Array.from(
      indices.flatMap((index) => [...all.subarray(index * length, (index + 1) * length)]),
    );
  };
  const timesteps = pair('timesteps');
  return {
    size: 2,
    height: 16,
    width: 16,
    x0: pick('x0_pool_nhwc', 1024, pair('x0_index')),
    noise: want.floats('noise_nhwc').slice(2048 * i, 2048 * (i + 1)),
    timesteps,
    weights: timesteps.map((t) => minSnrWeight(noiseSchedule(sd1Facts.noise), t, 5, false) / accumulation),
    context: pick('context_pool', 77 * 64, pair('context_index')),
  };
}

/** All trained matrices as one vector: single ones may be anything where a gradient was almost zero. */
function expectFinal(
  got: ReadonlyMap<string, Float32Array>,
  want: Golden,
  prefix: string,
  least: number,
): void {
  const names = want.names.filter((name) => name.startsWith(`${prefix}/final/`));
  expect(names.length).toBeGreaterThan(70);
  const start = (name: string) => (name.endsWith('down.weight') ? want.floats(`start/${name}`) : undefined);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (const name of names) {
    const short = name.slice(`${prefix}/final/`.length);
    const from = start(short);
    const values = got.get(short);
    if (!values) throw new Error(`No ${short}.`);
    values.forEach((v, i) => ours.push(v - (from?.[i] ?? 0)));
    want.floats(name).forEach((v, i) => theirs.push(v - (from?.[i] ?? 0)));
  }
  expect(cosine(ours, theirs)).toBeGreaterThan(least);
}
