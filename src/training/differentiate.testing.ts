/** For comparisons with PyTorch: loss and gradients of one batch, by kohya's tensor names. */
import type { ByteSource } from '../formats/safetensors/byte_source';
import { parseLora } from '../formats/lora/kohya_lora';
import { gpu } from '../kernels/device';
import { read } from '../kernels/program';
import { LoraParameters, readPieces, type LoraValues } from '../models/lora';
import type { Golden, GoldenFiles } from './golden_numbers.testing';
import { configOf, type BaseModel } from './step/base_model';
import { loraShapes } from './step/lora_file';
import { createOptimizer, disposeOptimizer } from './step/optimizer';
import { StepEngine, type MicroBatch, type StepSettings } from './step/step';

/** Values by kohya's module name. */
export type ValuesOf = (module: string) => LoraValues;

/** The LoRA that the batch is run with. */
export interface Start {
  rank: number;
  alpha: number;
  values: ValuesOf;
}

export interface Derivatives {
  loss: number;
  gradients: Map<string, Float32Array>;
}

/** The modules of a LoRA file by kohya's name. */
export async function loraValues(source: ByteSource): Promise<ValuesOf> {
  const file = await parseLora(source);
  const byName = new Map(file.modules.map((module) => [module.name, module]));
  return (name) => {
    const module = byName.get(name);
    if (!module) throw new Error(`The LoRA lacks ${name}.`);
    return module;
  };
}

/** What a golden run is told; its activations are as its tolerance is, unless it says. */
export type GoldenSettings = Omit<StepSettings, 'activations'> & Partial<Pick<StepSettings, 'activations'>>;

/** On the f32 tier, whose tolerances are f32's, as with `mixed_precision: fp32`. */
export function goldenSettings(settings: GoldenSettings): StepSettings {
  return { activations: gpu().f16 ? 'half' : 'single', ...settings };
}

export async function differentiate(
  base: BaseModel,
  settings: GoldenSettings,
  batch: MicroBatch,
  start: Start,
): Promise<Derivatives> {
  const shapes = loraShapes(configOf(base), {
    train_unet: settings.trainUnet,
    train_text_encoder: settings.text === 'trained',
    lora_rank: start.rank,
    lora_alpha: start.alpha,
  });
  const lora = new LoraParameters(shapes);
  lora.set(({ name }) => start.values(name));
  const optimizer = createOptimizer('adamw', lora, gpu().f16);
  const engine = new StepEngine(base, lora, optimizer, goldenSettings(settings));
  engine.begin();
  engine.micro(batch, 1);
  const [loss = NaN] = await read(engine.loss);
  const [scale = NaN] = await read(optimizer.lossScale);
  const gradients = new Map<string, Float32Array>();
  const pairs = lora.split((await readPieces(lora.pieces, optimizer.gradient)).map((g) => g / scale));
  for (const [name, pair] of pairs) {
    gradients.set(`${name}.lora_down.weight`, pair.down);
    gradients.set(`${name}.lora_up.weight`, pair.up);
  }
  engine.dispose();
  disposeOptimizer(optimizer);
  lora.dispose();
  return { loss, gradients };
}

/** The two pictures of a golden of gradients, without their texts. */
export function goldenPictures(want: Golden): MicroBatch {
  return {
    size: 2,
    height: 16,
    width: 24,
    x0: want.floats('x0_nhwc'),
    noise: want.floats('noise_nhwc'),
    timesteps: [...want.ints('timesteps')],
    weights: [1, 1],
  };
}

/** The batch of `grads.safetensors`, with the text encoder's output given or to be encoded. */
export function goldenBatch(want: Golden, text: 'context' | 'ids'): MicroBatch {
  return {
    ...goldenPictures(want),
    ...(text === 'context' ? { context: want.floats('context') } : { ids: want.ints('ids') }),
  };
}

/** The LoRA that the gradients of `grads.safetensors` are taken at. */
export async function goldenStart(files: GoldenFiles): Promise<Start> {
  return { rank: 4, alpha: 2, values: await loraValues(files('lora_init.safetensors')) };
}
