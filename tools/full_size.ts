/**
 * Loads a full-size checkpoint on whatever adapter there is, computes what `reference/check_sd15.py` or `check_sdxl.py`
 * compares (outputs and LoRA gradients), takes a training step, and reports times, memory and predictions as JSON. Not part of CI.
 *
 *   npm run full-size -- --base sd15.safetensors --inputs in.safetensors --lora start.safetensors --out ours.safetensors
 */
import { writeFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import type { ByteSource } from '../src/formats/safetensors/byte_source';
import { parseLora } from '../src/formats/lora/kohya_lora';
import { readHeader } from '../src/formats/safetensors/safetensors';
import { writeSafetensors } from '../src/formats/safetensors/safetensors_write';
import { gpu, openDevice, type Tier } from '../src/kernels/device';
import { read, trim } from '../src/kernels/program';
import type { TextPart } from '../src/formats/families/family_facts';
import { sizesLength } from '../src/models/family';
import { LoraParameters } from '../src/models/lora';
import { unet } from '../src/models/unet';
import { vaeDecode, vaeEncode } from '../src/models/vae';
import { encodeCaption } from '../src/training/data/dataset';
import { joined } from '../src/training/data/text_states';
import { disposeParts, loadParts, planBaseModel, type BaseModelPlan } from '../src/training/step/base_model';
import { differentiate, goldenSettings, loraValues } from '../src/training/differentiate.testing';
import { loraShapes } from '../src/training/step/lora_file';
import { fitMemory } from '../src/training/plan/fit_memory';
import { predictMemory, type MemoryRequest } from '../src/training/plan/memory';
import { createOptimizer, disposeOptimizer, setHyper, update } from '../src/training/step/optimizer';
import { StepEngine, type MicroBatch, type StepSettings } from '../src/training/step/step';
import { defaultConfig } from '../src/formats/config/config';
import { optionsOf, runCommand, UsageError } from './command';
import { dawnToggles, gpuNotes, halfMissing, installWebGpu } from './dawn';
import { openSource } from './files';

const USAGE = `Usage: npm run full-size -- --base MODEL --inputs FILE --lora LORA --out FILE [--tier TIER] [--steps 2]`;

interface Inputs {
  shape(name: string): number[];
  has(name: string): boolean;
  floats(name: string): Float32Array;
  ints(name: string): Int32Array;
}

async function main(): Promise<void> {
  const options = optionsOf({
    options: {
      base: { type: 'string' },
      inputs: { type: 'string' },
      lora: { type: 'string' },
      out: { type: 'string' },
      tier: { type: 'string' },
      steps: { type: 'string', default: '2' },
    },
  });
  const { base: basePath, inputs: inputsPath, lora: loraPath, out: outPath } = options;
  if (!basePath || !inputsPath || !loraPath || !outPath)
    throw new UsageError('Give --base, --inputs, --lora and --out.');
  installWebGpu();
  await openDevice(options.tier ? { tier: options.tier as Tier } : {});
  for (const line of gpuNotes(gpu())) console.error(line);
  const inputs = await readInputs(openSource(inputsPath));
  const loraSource = openSource(loraPath);
  const results = new Map<string, { shape: number[]; values: Float32Array }>();
  const report: Record<string, unknown> = {
    adapter: gpu().adapter,
    tier: gpu().tier,
    bestTier: gpu().best,
    driver: gpu().adapter.description,
    dawnToggles: dawnToggles(),
    note: halfMissing(gpu()) ?? null,
    date: new Date().toISOString(),
  };
  const note = (name: string, value: unknown) => {
    report[name] = value;
    console.error(name, JSON.stringify(value));
  };

  const plan = await planBaseModel([openSource(basePath)]);
  const hostBefore = maxRss();
  let hostPeak = 0;
  const onProgress = () => {
    const { heapUsed, external } = process.memoryUsage();
    hostPeak = Math.max(hostPeak, heapUsed + external);
  };
  const early = await timed('loadTextAndVaeSeconds', note, () =>
    loadParts<TextPart | 'vae'>(plan, [...plan.family.texts, 'vae'], { onProgress }),
  );
  if (inputs.has('ids')) {
    const { context, pooled } = await encodeCaption(early, inputs.ints('ids'), 1);
    results.set('text_out', { shape: [1, 77, plan.unet.contextChannels], values: context });
    if (pooled) results.set('pooled_out', { shape: [1, pooled.length], values: pooled });
  }
  if (inputs.has('image_nhwc')) {
    const image = tf.tensor4d(
      inputs.floats('image_nhwc'),
      inputs.shape('image_nhwc') as [number, number, number, number],
    );
    const moments = tf.tidy(() => vaeEncode({ weights: early.vae.weights }, early.vae.config, image));
    const [mean] = tf.split(moments, 2, 3);
    await keep(results, 'mean_nhwc', mean);
  }
  if (inputs.has('decode_latent_nhwc')) {
    const name = 'decode_latent_nhwc';
    const latent = tf.tensor4d(
      inputs.floats(name).map((v) => v / plan.vae.scaling),
      inputs.shape(name) as [number, number, number, number],
    );
    await keep(
      results,
      'decoded_nhwc',
      tf.tidy(() => vaeDecode({ weights: early.vae.weights }, early.vae.config, latent)),
    );
  }
  disposeParts(early);
  trim();
  const late = await timed('loadUnetSeconds', note, () => loadParts(plan, ['unet'], { onProgress }));
  note('hostPeakBytesWhileLoading', hostPeak);
  note('residentPeakBytes', maxRss());
  note('residentBeforeLoadingBytes', hostBefore);
  note('ledgerAfterLoading', gpu().buffers.ledger());

  const [B = 1, height = 1, width = 1] = inputs.shape('latent_nhwc');
  const latent = tf.tensor4d(inputs.floats('latent_nhwc'), [B, height, width, 4]);
  const t = tf.tensor1d(inputs.floats('timesteps'));
  const context = tf.tensor3d(inputs.floats('context'), inputs.shape('context') as [number, number, number]);
  const { weights, blocks } = late.unet;
  const addedValues = addedOf(plan, inputs);
  const added = addedValues && tf.tensor2d(addedValues, [B, plan.unet.addChannels]);
  await timed('unetForwardSeconds', note, async () =>
    keep(results, 'out_nhwc', unet({ weights }, blocks, latent, t, context, added)),
  );

  const start = await loraValues(loraSource);
  const file = await parseLora(loraSource);
  const [{ rank = 8, alpha = 8 } = {}] = file.modules;
  const shapes = loraShapes(plan, {
    train_unet: true,
    train_text_encoder: false,
    lora_rank: rank,
    lora_alpha: alpha,
  });
  note('loraModules', shapes.length);
  const lora = new LoraParameters(shapes);
  lora.set(({ name }) => start(name));
  await keep(
    results,
    'out_lora_nhwc',
    unet({ weights, lora: lora.of('unet') }, blocks, latent, t, context, added),
  );

  // The reference feeds `latent` as it is; ours mixes x0 and noise. At x0 = (latent - b noise) / a it is the same.
  const settings: StepSettings = goldenSettings({
    text: 'given',
    trainUnet: true,
    chunks: 1,
    clipSkip: 1,
    vPrediction: false,
    firstKeptBlock: blocks.length - 1,
    record: true,
  });
  const batch = { ...batchOf(inputs, B, height, width), ...(addedValues ? { added: addedValues } : {}) };
  const base = { ...early, ...late };
  const derivatives = await timed('gradientSeconds', note, () =>
    differentiate(base, { ...settings, record: false }, batch, { rank, alpha, values: start }),
  );
  results.set('loss', { shape: [1], values: Float32Array.of(derivatives.loss) });
  for (const [name, values] of derivatives.gradients) {
    if (COMPARED.test(name)) {
      results.set(`grad/${name}`, { shape: loraShapeOf(name, values.length, rank), values });
    }
  }

  const optimizer = createOptimizer('adamw', lora, gpu().f16);
  const engine = new StepEngine(late, lora, optimizer, settings);
  const seconds: number[] = [];
  // What the comparison used is given back first: the ledger then is a run's.
  trim();
  gpu().buffers.resetPeak();
  for (let step = 0; step < Number(options.steps); step++) {
    const began = performance.now();
    setHyper(optimizer, defaultConfig(), () => 1, gpu().f16);
    engine.begin();
    engine.micro(batch, step);
    update(optimizer, lora.values);
    const [loss] = await read(engine.loss);
    seconds.push((performance.now() - began) / 1000);
    note(`step${step}`, { loss, seconds: seconds[step] });
  }
  const recording = engine.recordingOf(batch);
  note('stepDispatches', recording?.length);
  note('stepTflop', (recording?.flops ?? 0) / 1e12);
  note('ledgerAfterSteps', gpu().buffers.ledger());
  engine.dispose();
  disposeOptimizer(optimizer);

  const request = (size: number): MemoryRequest => ({
    config: plan,
    lora: { shapes, dropout: 0 },
    optimizer: 'adamw',
    settings,
    buckets: [{ size: 1, width: size, height: size }],
    samples: undefined,
    keep: [],
  });
  note('predictedAtThisSize', predictMemory(request(8 * width), blocks.length - 1));
  note('predictedAt512', predictMemory(request(512), blocks.length - 1));
  note('predictedAt512KeepingAll', predictMemory(request(512), 0));
  note('fitted512In6GB', fitMemory(request(512), blocks.length, 6e9));
  note('gpuErrors', gpu().errors);
  await writeFile(
    outPath,
    writeSafetensors(
      [
        ...INPUTS.filter((name) => inputs.has(name)).map((name) => ({
          name,
          shape: inputs.shape(name),
          values: inputs.floats(name),
        })),
        ...[...results].map(([name, result]) => ({ name, ...result })),
      ].map(({ name, shape, values }) => ({
        name,
        dtype: 'F32' as const,
        shape,
        data: new Uint8Array(values.buffer),
      })),
    ),
  );
  console.log(JSON.stringify(report, null, 2));
}

/** What is written again beside the results. */
const INPUTS = [
  'latent_nhwc',
  'timesteps',
  'context',
  'pooled',
  'sizes',
  'noise_nhwc',
  'ids',
  'image_nhwc',
  'decode_latent_nhwc',
];

/** A handful of modules: of SD 1.x's first transformers of each block, of some of SDXL's. */
const COMPARED =
  /(attentions_0|(input_blocks_[47]|output_blocks_[25]|middle_block)_1)_(proj_in|transformer_blocks_0_(attn[12]_to_[qv]|ff_net_2))/;

/** In families whose U-Net adds pooled text and sizes to its time: those of the inputs. One picture. */
function addedOf(plan: BaseModelPlan, inputs: Inputs): Float32Array | undefined {
  if (!plan.family.sizes) return undefined;
  const [a, b, c, d, e, f] = inputs.ints('sizes') as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const sizes = plan.family.sizes({ original: [a, b], crop: [c, d], target: [e, f] }, sizesLength(plan));
  return joined([inputs.floats('pooled'), sizes]);
}

function batchOf(inputs: Inputs, size: number, height: number, width: number): MicroBatch {
  const timesteps = [...inputs.floats('timesteps')];
  const noise = inputs.floats('noise_nhwc');
  const latent = inputs.floats('latent_nhwc');
  const per = latent.length / size;
  const x0 = latent.map((value, i) => {
    const abar = alphaBar(timesteps[Math.floor(i / per)]);
    return (value - Math.sqrt(1 - abar) * noise[i]) / Math.sqrt(abar);
  });
  return {
    size,
    height,
    width,
    x0,
    noise,
    timesteps,
    weights: timesteps.map(() => 1),
    context: inputs.floats('context'),
  };
}

function alphaBar(t: number): number {
  let product = 1;
  for (let i = 0; i <= t; i++)
    product *= 1 - (Math.sqrt(0.00085) + ((Math.sqrt(0.012) - Math.sqrt(0.00085)) * i) / 999) ** 2;
  return product;
}

function loraShapeOf(name: string, length: number, rank: number): number[] {
  return name.endsWith('lora_down.weight') ? [rank, length / rank] : [length / rank, rank];
}

async function keep(
  results: Map<string, { shape: number[]; values: Float32Array }>,
  name: string,
  tensor: tf.Tensor,
): Promise<void> {
  results.set(name, { shape: tensor.shape, values: await read(tensor) });
  tensor.dispose();
}

async function timed<T>(
  name: string,
  note: (name: string, value: unknown) => void,
  work: () => Promise<T>,
): Promise<T> {
  const began = performance.now();
  const result = await work();
  note(name, Number(((performance.now() - began) / 1000).toFixed(2)));
  return result;
}

/** Highest resident set so far; the CPU adapter's "GPU" memory is part of it. */
function maxRss(): number {
  return process.resourceUsage().maxRSS * 1024;
}

async function readInputs(source: ByteSource): Promise<Inputs> {
  const { tensors } = await readHeader(source);
  const bytes = new Map<string, ArrayBuffer>();
  for (const { name, start, end } of tensors.values()) bytes.set(name, await source.slice(start, end));
  const data = (name: string) => {
    const found = bytes.get(name);
    if (!found) throw new Error(`The inputs lack "${name}".`);
    return found;
  };
  const floats = (name: string) =>
    tensors.get(name)?.dtype === 'F32'
      ? new Float32Array(data(name))
      : Float32Array.from(new Int32Array(data(name)));
  return {
    shape: (name) => [...(tensors.get(name)?.shape ?? [])],
    has: (name) => tensors.has(name),
    floats,
    ints: (name) => Int32Array.from(floats(name)),
  };
}

runCommand(main, USAGE);
