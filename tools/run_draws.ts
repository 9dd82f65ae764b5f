/** The draws of a run as tensors that another trainer can be given; how they are used is said in reference/README.md. */
import type { TrainConfig } from '../src/formats/config/config_fields';
import { buildLoraFile } from '../src/formats/lora/kohya_lora';
import type { TensorToWrite } from '../src/formats/safetensors/safetensors_write';
import { trainingSteps } from '../src/training/data/batches';
import { placeImages, posteriorNoise, type Placed } from '../src/training/data/dataset';
import { drawsOf } from '../src/training/loop/micro_batch';
import { outlineOf } from '../src/training/plan/run_plan';
import type { BaseModelPlan } from '../src/training/step/base_model';
import { adapters, RUN_KINDS } from '../src/training/step/kinds';
import { fileModules, loraShapes } from '../src/training/step/lora_file';
import type { FolderImage } from './image_folder';
import { loadImage } from './images';
import { openLora } from './open_lora';

/** What is drawn for the first steps, and for the latents of every picture. Tensors are channels first, as PyTorch has them. */
export function draws(
  config: TrainConfig,
  plan: BaseModelPlan,
  images: readonly Pick<FolderImage, 'name' | 'caption' | 'repeats' | 'size'>[],
  most = Infinity,
) {
  const placed = placeImages(images, config);
  const outline = outlineOf(plan, config, placed);
  const channels = plan.unet.inChannels;
  const tensors: TensorToWrite[] = [];
  const add = (name: string, [width, height]: readonly number[], parts: readonly Float32Array[]) =>
    tensors.push(channelsFirst(name, [parts.length, channels, height / 8, width / 8], parts));
  for (const [index, { bucket }] of placed.entries())
    for (const side of config.flip_aug ? [0, 1] : [0])
      add(`posterior.${index}.${side}`, bucket, [posteriorNoise(config, bucket, channels, [index, side])]);
  const steps = [];
  for (const at of trainingSteps(placed, outline.batching)) {
    if (at.step >= Math.min(most, outline.steps)) break;
    const batches = at.batches.map((batch, micro) => {
      const values = { timesteps: plan.schedule.timesteps, channels };
      const { noise, offsets, ...rest } = drawsOf(config, placed, values, at, micro);
      add(`noise.${at.step}.${micro}`, batch.bucket, noise);
      if (offsets) add(`offset.${at.step}.${micro}`, [8, 8], offsets);
      return { ...batch, ...rest };
    });
    steps.push({ epoch: at.epoch, batches });
  }
  const pictures = placed.map(({ image: { name, caption }, bucket, repeats }) => ({
    ...{ name, caption, bucket, repeats },
  }));
  return { tensors, said: { format: 'lora-studio-draws-1', seed: config.seed, pictures, steps } };
}

/** The LoRA that the run begins with, in F32. */
export async function startOf(config: TrainConfig, plan: BaseModelPlan): Promise<Uint8Array> {
  const adapter = adapters[RUN_KINDS.adapter];
  const { kept, values } = config.pretrained_lora
    ? await adapter.continued(await openLora(config.pretrained_lora), plan, config)
    : { kept: undefined, values: adapter.fresh(plan.family, config.seed) };
  const modules = fileModules(loraShapes(plan, config, kept), values);
  return buildLoraFile({ modules, precision: 'float', metadata: {} });
}

/** What the VAE gets of each picture: 8 bits, [height, width, 3]. */
export async function pixels(placed: readonly Placed<FolderImage>[]): Promise<TensorToWrite[]> {
  const tensors: TensorToWrite[] = [];
  for (const [index, { image, placement, bucket }] of placed.entries()) {
    const values = await loadImage(image, placement);
    const data = Uint8Array.from(values, (value) => Math.round((value + 1) * 127.5));
    tensors.push({ name: `pixels.${index}`, dtype: 'U8', shape: [bucket[1], bucket[0], 3], data });
  }
  return tensors;
}

/** Of parts [height, width, channels] each. */
function channelsFirst(
  name: string,
  shape: readonly number[],
  parts: readonly Float32Array[],
): TensorToWrite {
  const [, channels, height, width] = shape;
  const pixels = height * width;
  const all = new Float32Array(parts.length * channels * pixels);
  parts.forEach((part, b) => {
    for (const [i, value] of part.entries())
      all[(b * channels + (i % channels)) * pixels + Math.floor(i / channels)] = value;
  });
  return { name, dtype: 'F32', shape, data: new Uint8Array(all.buffer) };
}
