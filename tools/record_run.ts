/**
 * Short runs on the tiny model with the clock fixed, and what came of them as SHA-256: run it before and after a change
 * that must change no result, and compare the two outputs (`npx tsx tools/run.ts record_run > before.txt`). The digests
 * belong to a machine: a driver's sums are in its own order.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fromBytes } from '../src/formats/safetensors/byte_source';
import { defaultConfig } from '../src/formats/config/config';
import type { TrainConfig } from '../src/formats/config/config_fields';
import { readHeader } from '../src/formats/safetensors/safetensors';
import { closeDevice, gpu, openDevice, type Tier } from '../src/kernels/device';
import type { SavedFile, TrainEvent } from '../src/protocol/trainer';
import type { TrainingRun } from '../src/training/loop/prepare';
import { stream } from '../src/training/step/random';
import { train } from '../src/training/loop/train';
import { lavapipeIcd, vulkanEnvironment } from './adapters';
import { installWebGpu } from './dawn';

const COMMON: Partial<TrainConfig> = {
  resolution: 128,
  min_bucket_reso: 64,
  max_bucket_reso: 256,
  lora_rank: 2,
  batch_size: 2,
  max_train_steps: 4,
  learning_rate: 1e-2,
  lr_scheduler: 'cosine',
  save_steps: 2,
  min_snr_gamma: 5,
  noise_offset: 0.05,
  lora_dropout: 0.1,
  flip_aug: true,
  gradient_accumulation_steps: 2,
};

/** What is trained, and how; every one on each tier. */
const RUNS: Readonly<Record<string, Partial<TrainConfig>>> = {
  'U-Net and text encoder': {
    train_text_encoder: true,
    text_encoder_lr: 2e-3,
    sample_prompts: ['red'],
    sample_steps: 2,
    sample_every_n_steps: 4,
  },
  'U-Net alone': { train_text_encoder: false, lora_alpha: 1, save_precision: 'float' },
  'text encoder alone': {
    train_unet: false,
    train_text_encoder: true,
    clip_skip: 2,
    max_token_length: 150,
    optimizer: 'lion',
    weight_decay: 0.1,
  },
  'v, captions shuffled': {
    train_text_encoder: false,
    v_parameterization: true,
    shuffle_caption: true,
    debiased_estimation_loss: true,
  },
};

process.env.VK_ICD_FILENAMES ??= vulkanEnvironment(lavapipeIcd())['VK_ICD_FILENAMES'];
installWebGpu();
// With words: only what has one of them in its tier or name.
const wanted = process.argv.slice(2);
for (const tier of ['f32', 'f16-subgroups'] as const)
  for (const [name, settings] of Object.entries(RUNS))
    if (wanted.length === 0 || wanted.some((word) => `${tier} ${name}`.includes(word)))
      await record(tier, name, settings);
process.exit(0);

async function record(tier: Tier, name: string, settings: Partial<TrainConfig>): Promise<void> {
  await openDevice({ tier });
  const whole = await collect(runOf(settings));
  const [first, last] = of(whole, 'saved');
  if (!first || !last) throw new Error(`${name}: nothing was saved.`);
  const resumed = of(
    await collect(runOf(settings, { state: fromBytes(await bytesOf(first.state)) })),
    'saved',
  ).at(-1);
  const recomputed = await collect(runOf({ ...settings, memory_budget_gb: 0.0001 }, { anyway: true }));
  const continued = await collect(
    runOf(
      { ...settings, lora_rank: 3, max_train_steps: 1 },
      { pretrained: fromBytes(await bytesOf(last.lora)) },
    ),
  );
  if (gpu().errors.length > 0) throw new Error(`${name}: the GPU reported ${gpu().errors[0]}`);
  closeDevice();
  const line = (what: string, value: string) => console.log(`${tier} | ${name} | ${what} | ${value}`);
  line(
    'losses',
    of(whole, 'step')
      .map(({ loss }) => loss.toPrecision(12))
      .join(' '),
  );
  line('LoRA', sha256(await bytesOf(last.lora)));
  line('state', sha256(await bytesOf(last.state)));
  for (const [tensor, bytes] of await tensorsOf(await bytesOf(last.state)))
    line(`state, ${tensor}`, sha256(bytes));
  line('LoRA, resumed', resumed ? sha256(await bytesOf(resumed.lora)) : 'none');
  line('state, resumed', resumed ? sha256(await bytesOf(resumed.state)) : 'none');
  const least = of(recomputed, 'saved').at(-1);
  for (const [tensor, bytes] of least ? await tensorsOf(await bytesOf(least.state)) : [])
    line(`all recomputed, ${tensor}`, sha256(bytes));
  const more = of(continued, 'saved').at(-1);
  line('continued, rank 3', more ? sha256(await bytesOf(more.lora)) : 'none');
  for (const { step, rgba } of of(whole, 'sample')) line(`sample, step ${step}`, sha256(rgba));
}

function runOf(settings: Partial<TrainConfig>, more: Partial<TrainingRun> = {}): TrainingRun {
  const file = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url));
  const captions = ['red', 'green, leaf, tree', 'blue', 'white, round\r\nand a second line', 'black'];
  return {
    config: { ...defaultConfig(), ...COMMON, ...settings },
    base: {
      name: 'tiny-sd15.safetensors',
      files: [fromBytes(new Uint8Array(file('reference/golden/tiny-sd15.safetensors')))],
    },
    images: captions.map((caption, i) => ({
      name: `${i}.png`,
      caption,
      repeats: 1,
      size: i % 2 ? ([128, 128] as const) : ([192, 96] as const),
      pixels: ({ bucket: [width, height] }) =>
        Promise.resolve(stream(7, 'picture', i).fillUniform(new Float32Array(width * height * 3), -1, 1)),
    })),
    merges: file('public/clip/merges.txt').toString('utf8'),
    now: () => 1_700_000_000_000,
    ...more,
  };
}

async function bytesOf({ blob }: SavedFile): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await blob.arrayBuffer());
}

async function collect(run: TrainingRun): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of train(run)) events.push(event);
  return events;
}

function of<K extends TrainEvent['kind']>(events: readonly TrainEvent[], kind: K) {
  return events.filter((event): event is Extract<TrainEvent, { kind: K }> => event.kind === kind);
}

/** Without what the file says about itself: settings that come with a later version stand there too. */
async function tensorsOf(bytes: Uint8Array<ArrayBuffer>): Promise<[string, Uint8Array][]> {
  const { tensors } = await readHeader(fromBytes(bytes));
  return [...tensors.values()].map(({ name, start, end }) => [name, bytes.subarray(start, end)]);
}

function sha256(bytes: Uint8Array | Uint8ClampedArray): string {
  return createHash('sha256').update(bytes).digest('hex');
}
