/** What a step of the bench consists of: the trainer's own engine and optimizer on a batch that is made up. */
import { defaultConfig } from '../../src/formats/config/config';
import { gpu } from '../../src/kernels/device';
import { flush, read } from '../../src/kernels/program';
import { LoraParameters, type LoraShape } from '../../src/models/lora';
import type { BaseModel, BaseParts } from '../../src/training/step/base_model';
import { freshLora } from '../../src/training/step/lora_file';
import { createOptimizer, disposeOptimizer, setHyper, update } from '../../src/training/step/optimizer';
import { stream } from '../../src/training/step/random';
import { StepEngine, type MicroBatch, type StepSettings } from '../../src/training/step/step';
import type { BenchPlan } from './options';
import { idle } from './timing';

/** A run of one batch over and over; the caller disposes it, and then the base. */
export function openRun(
  base: BaseParts<'unet'>,
  shapes: readonly LoraShape[],
  plan: Pick<BenchPlan, 'size'>,
  settings: StepSettings,
) {
  const config = { ...defaultConfig(), learning_rate: 1e-4 };
  const scaled = gpu().f16;
  const lora = new LoraParameters(shapes);
  lora.set(freshLora(base.family, 1));
  const optimizer = createOptimizer('adamw', lora, scaled);
  const engine = new StepEngine(base, lora, optimizer, settings);
  const batch = batchOf(base, plan.size / 8);
  const micro = () => {
    setHyper(optimizer, config, () => 1, scaled);
    engine.begin();
    engine.micro(batch, 0);
  };
  const apply = () => update(optimizer, lora.values);
  return {
    lora,
    optimizer,
    engine,
    batch,
    micro,
    update: apply,
    step: () => {
      micro();
      apply();
    },
    loss: async () => (await read(engine.loss))[0],
    dispose: () => {
      engine.dispose();
      disposeOptimizer(optimizer);
      engine.dropoutSeed.dispose();
      lora.dispose();
    },
  };
}

function batchOf({ unet: { config } }: Pick<BaseModel, 'unet'>, side: number): MicroBatch {
  const normal = (name: string, length: number) => stream(1, name).fillNormal(new Float32Array(length));
  return {
    size: 1,
    height: side,
    width: side,
    x0: normal('latents', side * side * config.inChannels),
    noise: normal('noise', side * side * config.inChannels),
    timesteps: [500],
    weights: [1],
    context: normal('context', 77 * config.contextChannels),
  };
}

/** Runs `work` and counts what it submits, the flush after it included. */
export async function countSubmits(work: () => void): Promise<number> {
  const { queue } = gpu().device;
  const submit = queue.submit.bind(queue);
  let count = 0;
  queue.submit = (buffers) => {
    count++;
    submit(buffers);
  };
  try {
    work();
    flush();
  } finally {
    // The method itself is the prototype's.
    Reflect.deleteProperty(queue, 'submit');
  }
  await idle();
  return count;
}
