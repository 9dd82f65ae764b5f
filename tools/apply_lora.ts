/**
 * Runs a base model with a LoRA file and writes inputs and outputs for `reference/check_lora.py` (SDXL: `check_sdxl_lora.py`),
 * which loads the same file with diffusers: `npm run apply-lora -- --base tiny.safetensors --lora my.safetensors --out ours.safetensors`.
 */
import { writeFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import { writeSafetensors, type TensorToWrite } from '../src/formats/safetensors/safetensors_write';
import { closeDevice, gpu, openDevice } from '../src/kernels/device';
import { read } from '../src/kernels/program';
import { sizesLength } from '../src/models/family';
import { unet } from '../src/models/unet';
import { applyLoras } from '../src/training/sampling/apply_loras';
import { configOf, loadBaseModel, type BaseModelConfig } from '../src/training/step/base_model';
import { encodeCaption } from '../src/training/data/dataset';
import { joined } from '../src/training/data/text_states';
import { stream } from '../src/training/step/random';
import { optionsOf, runCommand, UsageError } from './command';
import { gpuLine, installWebGpu } from './dawn';
import { openSource } from './files';

const USAGE = 'Usage: npm run apply-lora -- --base MODEL --lora LORA --out FILE [--weight 1]';

async function main(): Promise<void> {
  const values = optionsOf({
    options: {
      base: { type: 'string' },
      lora: { type: 'string' },
      out: { type: 'string' },
      weight: { type: 'string', default: '1' },
    },
  });
  if (!values.base || !values.lora || !values.out) throw new UsageError('Give --base, --lora and --out.');
  const weight = Number(values.weight);
  if (!Number.isFinite(weight)) throw new UsageError('--weight takes a number.');
  installWebGpu();
  await openDevice({ tier: 'f32' });
  console.error(gpuLine(gpu()));
  const base = await loadBaseModel([openSource(values.base)]);
  const { unet: u, text1: text } = base;
  const loras = await applyLoras(configOf(base), [{ source: openSource(values.lora), weight }]);
  const normals = (name: string, count: number) => stream(1, name).fillNormal(new Float32Array(count));
  const latent = normals('latent', 2 * 16 * 16 * u.config.inChannels);
  const context = normals('context', 2 * 77 * u.config.contextChannels);
  const bos = text.config.vocabulary - 2;
  const words = stream(1, 'ids');
  const ids = Int32Array.from({ length: 2 * 77 }, (_, i) =>
    i % 77 === 0 ? bos : i % 77 < 20 ? words.int(bos) : bos + 1,
  );
  const timesteps = Float32Array.of(37, 640);
  const told = addedTo(configOf(base), normals);
  const out = unet(
    { weights: u.weights, lora: loras.of('unet') },
    u.blocks,
    tf.tensor4d(latent, [2, 16, 16, u.config.inChannels]),
    tf.tensor1d(timesteps),
    tf.tensor3d(context, [2, 77, u.config.contextChannels]),
    told && tf.tensor2d(told.added, [2, u.config.addChannels]),
  );
  const states = [];
  for (const row of [0, 77]) states.push(await encodeCaption(base, ids.slice(row, row + 77), 1, loras.of));
  const f32 = (name: string, shape: number[], data: Float32Array): TensorToWrite => ({
    name,
    dtype: 'F32',
    shape,
    data: new Uint8Array(data.buffer),
  });
  await writeFile(
    values.out,
    writeSafetensors([
      f32('latent_nhwc', [2, 16, 16, u.config.inChannels], latent),
      f32('timesteps', [2], timesteps),
      f32('context', [2, 77, u.config.contextChannels], context),
      f32('out_nhwc', out.shape, await read(out)),
      f32('lora_scale', [1], Float32Array.of(weight)),
      { name: 'ids', dtype: 'I32', shape: [2, 77], data: new Uint8Array(ids.buffer) },
      f32('text_out', [2, 77, u.config.contextChannels], joined(states.map(({ context }) => context))),
      ...(told
        ? [
            f32('pooled', [2, told.pooled.length / 2], told.pooled),
            { name: 'sizes', dtype: 'I32' as const, shape: [2, 6], data: new Uint8Array(told.sizes.buffer) },
            f32(
              'pooled_out',
              [2, told.pooled.length / 2],
              joined(states.map(({ pooled = new Float32Array() }) => pooled)),
            ),
          ]
        : []),
    ]),
  );
  closeDevice();
}

/** For families whose U-Net adds pooled text and sizes to its time: some for two pictures. */
function addedTo(config: BaseModelConfig, normals: (name: string, count: number) => Float32Array) {
  const { sizes } = config.family;
  const length = config.text2?.projection ?? 0;
  if (!sizes) return undefined;
  const rows = [
    { original: [1024, 768], crop: [0, 16], target: [1024, 1024] },
    { original: [512, 2048], crop: [128, 0], target: [832, 1216] },
  ] as const;
  const pooled = normals('pooled', 2 * length);
  const added = joined(
    rows.flatMap((row, i) => [
      pooled.subarray(i * length, (i + 1) * length),
      sizes(row, sizesLength(config)),
    ]),
  );
  const numbers = rows.flatMap(({ original, crop, target }) => [...original, ...crop, ...target]);
  return { pooled, added, sizes: Int32Array.from(numbers) };
}

runCommand(main, USAGE);
