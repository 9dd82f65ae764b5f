/** For comparisons with PyTorch: a run of some steps on the reference's own batches. */
import { defaultConfig } from '../formats/config/config';
import type { TrainConfig } from '../formats/config/config_fields';
import { sd1Facts } from '../formats/families/sd1';
import { gpu } from '../kernels/device';
import { read, trim } from '../kernels/program';
import { LoraParameters } from '../models/lora';
import { noiseSchedule } from '../models/schedule';
import { goldenSettings, type GoldenSettings, type Start } from './differentiate.testing';
import { cosine, type Golden } from './golden_numbers.testing';
import { configOf, type BaseModel } from './step/base_model';
import { loraShapes } from './step/lora_file';
import { minSnrWeight } from './step/noise_schedule';
import { createOptimizer, disposeOptimizer, readReport, setHyper, update } from './step/optimizer';
import { StepEngine, type MicroBatch } from './step/step';

export interface Trained {
  /** Before each step; of all its micro-batches. */
  losses: number[];
  /** Before clipping. */
  norms: number[];
  values: Float32Array;
  final: Map<string, Float32Array>;
}

/**
 * Trains as `steps.safetensors` was made, from its start: its latents, noise, timesteps and rates. `name` is the run there;
 * `steps` takes only the first so many. Throws where an update was skipped.
 */
export async function trainGolden(
  base: BaseModel,
  want: Golden,
  name: string,
  settings: Partial<TrainConfig>,
  accumulation: number,
  record: boolean,
  steps = Infinity,
): Promise<Trained> {
  const config: TrainConfig = {
    ...defaultConfig(),
    weight_decay: 0.01,
    max_grad_norm: want.floats('max_norm')[0],
    ...settings,
  };
  const rates = want.floats(`${name}/rates`).subarray(0, steps);
  const lora = new LoraParameters(
    loraShapes(configOf(base), {
      train_unet: true,
      train_text_encoder: false,
      lora_rank: 2,
      lora_alpha: 1,
    }),
  );
  lora.set(({ name, out }) => ({
    down: want.floats(`start/${name}.lora_down.weight`),
    up: new Float32Array(2 * out),
  }));
  const optimizer = createOptimizer(config.optimizer, lora, gpu().f16);
  const engine = new StepEngine(
    base,
    lora,
    optimizer,
    goldenSettings({
      text: 'given',
      trainUnet: true,
      chunks: 1,
      clipSkip: 1,
      vPrediction: false,
      firstKeptBlock: 8,
      record,
    }),
  );
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
    if (report.skipped) throw new Error(`Step ${step} was skipped: its gradient is not finite.`);
    norms.push(report.gradientNorm);
  }
  const values = await lora.read();
  const final = new Map<string, Float32Array>();
  for (const [name, { down, up }] of lora.split(values)) {
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

/**
 * AdamW on the U-Net's LoRA from `start`, one picture of 16x16 latents a step, min-SNR 5, recorded: as `steps/` of
 * `sdxl.safetensors` and `sd2.safetensors` was made. `textOf` is what the U-Net is told at a step. The bytes are the most
 * that it took on top of what was there.
 */
export async function trainPictures(
  base: BaseModel,
  want: Golden,
  start: Start,
  settings: GoldenSettings,
  textOf: (step: number) => Pick<MicroBatch, 'context' | 'added'>,
): Promise<Trained & { tookBytes: number }> {
  const config: TrainConfig = {
    ...defaultConfig(),
    learning_rate: 1e-2,
    weight_decay: 0.01,
    max_grad_norm: want.floats('steps/max_norm')[0],
  };
  trim();
  gpu().buffers.resetPeak();
  const before = gpu().buffers.ledger().allocatedBytes;
  const lora = new LoraParameters(
    loraShapes(configOf(base), {
      train_unet: true,
      train_text_encoder: false,
      lora_rank: start.rank,
      lora_alpha: start.alpha,
    }),
  );
  lora.set(({ name }) => start.values(name));
  const optimizer = createOptimizer('adamw', lora, gpu().f16);
  const engine = new StepEngine(base, lora, optimizer, goldenSettings({ ...settings, record: true }));
  const [losses, norms]: [number[], number[]] = [[], []];
  const part = (name: string, step: number) => want.floats(name).slice(1024 * step, 1024 * (step + 1));
  for (const [step, rate] of want.floats('steps/rates').entries()) {
    setHyper(optimizer, config, () => rate / config.learning_rate, gpu().f16);
    engine.begin();
    const t = want.ints('steps/timesteps')[step];
    engine.micro(
      {
        size: 1,
        height: 16,
        width: 16,
        x0: part('steps/x0_nhwc', step),
        noise: part('steps/noise_nhwc', step),
        timesteps: [t],
        weights: [minSnrWeight(base.schedule, t, 5, settings.vPrediction)],
        ...textOf(step),
      },
      0,
    );
    update(optimizer, lora.values);
    losses.push((await read(engine.loss))[0]);
    norms.push((await readReport(optimizer)).gradientNorm);
  }
  const tookBytes = gpu().buffers.ledger().peakBytes - before;
  const values = await lora.read();
  const final = new Map<string, Float32Array>();
  for (const [name, { down, up }] of lora.split(values)) {
    final.set(`${name}.lora_down.weight`, down);
    final.set(`${name}.lora_up.weight`, up);
  }
  engine.dispose();
  disposeOptimizer(optimizer);
  lora.dispose();
  return { losses, norms, values, final, tookBytes };
}

/** How far the LoRA went, and in which direction: the cosine of our change and the reference's, over all that it has. */
export function changeCosine(
  want: Golden,
  final: Trained['final'],
  start: Start,
  run = 'steps',
): { names: number; cosine: number } {
  const names = want.names.filter((name) => name.startsWith(`${run}/final/`));
  const change = (values: ArrayLike<number>, name: string) => {
    const module = start.values(name.replace(/\.lora_(down|up)\.weight$/, ''));
    const from = name.endsWith('down.weight') ? module.down : module.up;
    return Array.from(values, (value, i) => value - (from[i] ?? 0));
  };
  const short = (name: string) => name.slice(`${run}/final/`.length);
  const ours = names.flatMap((name) => change(final.get(short(name)) ?? [], short(name)));
  const theirs = names.flatMap((name) => change(want.floats(name), short(name)));
  return { names: names.length, cosine: cosine(ours, theirs) };
}
