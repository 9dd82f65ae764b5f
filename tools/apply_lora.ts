/**
 * Runs a base model with a LoRA file and writes inputs and outputs for `reference/check_lora.py`, which loads the same
 * file with diffusers: `npm run apply-lora -- --base tiny.safetensors --lora my.safetensors --out ours.safetensors`.
 */
import { writeFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import { writeSafetensors, type TensorToWrite } from '../src/formats/safetensors/safetensors_write';
import { closeDevice, gpu, openDevice } from '../src/kernels/device';
import { read } from '../src/kernels/program';
import { encodeText } from '../src/models/clip';
import { unet } from '../src/models/unet';
import { applyLoras } from '../src/training/sampling/apply_loras';
import { configOf, loadBaseModel } from '../src/training/step/base_model';
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
  const out = unet(
    { weights: u.weights, lora: loras.of('unet') },
    u.blocks,
    tf.tensor4d(latent, [2, 16, 16, u.config.inChannels]),
    tf.tensor1d(timesteps),
    tf.tensor3d(context, [2, 77, u.config.contextChannels]),
  );
  const states = encodeText(
    { weights: text.weights, lora: loras.of('text1') },
    text.config,
    tf.tensor2d(ids, [2, 77], 'int32'),
  );
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
      f32('text_out', states.shape, await read(states)),
    ]),
  );
  closeDevice();
}

runCommand(main, USAGE);
