/** Every shader that a training run would run on a device that is not here, by walking the run without computing it. */
import { gpu, takenFor, type Tier } from '../../src/kernels/device';
import type { Program } from '../../src/kernels/pipeline';
import type { Tuning } from '../../src/kernels/tuned';
import { loraShapes } from '../../src/training/step/lora_file';
import { preparationPrograms, runPrograms, type MemoryRequest } from '../../src/training/plan/memory';
import type { BasePrecision } from '../../src/models/storage';
import type { BaseModelConfig } from '../../src/training/step/base_model';
import { DEVICE_CLASSES, type DeviceClass } from './classes';

export interface Walked {
  config: BaseModelConfig;
  /** Side of the pictures, in pixels. */
  size: number;
}

/** As on a card whose tuner chose this arithmetic; undefined: never tuned. */
const TUNINGS: Readonly<Record<Tier, readonly (Tuning | undefined)[]>> = {
  f32: [undefined, { multiprocessors: 40 }, { multiprocessors: 128 }],
  f16: [undefined, { multiprocessors: 128, math: 'wide' }, { multiprocessors: 40, math: 'round' }],
  'f16-subgroups': [
    undefined,
    { multiprocessors: 128, math: 'multiply' },
    { multiprocessors: 82, math: 'wide' },
  ],
};

/** NVIDIA's and AMD's (wave32) width; Intel's and Mali's are less, by which kernels have fewer lanes a row. */
const SUBGROUP = 32;

/**
 * Programs by name, of all that a run does (captions, pictures, steps with all and with nothing recomputed, samples, text
 * encoders trained, each `base_precision`) on a device of the class. The open adapter must have the tier.
 */
export function programsOn(
  of: DeviceClass,
  tier: Tier,
  { config, size }: Walked,
): ReadonlyMap<string, Program> {
  const found = new Map<string, Program>();
  const add = (programs: ReadonlyMap<string, Program>) => {
    for (const [name, one] of programs) found.set(name, one);
  };
  const given = {
    tier,
    f16: tier !== 'f32',
    subgroups: tier === 'f16-subgroups',
    minSubgroupSize: tier === 'f16-subgroups' ? SUBGROUP : 0,
    software: false,
  };
  withLimits(of, () => {
    for (const tuning of TUNINGS[tier]) {
      takenFor({ ...given, ...(tuning ? { tuning } : {}) }, () => {
        const last = config.family.blocks(config.unet).length - 1;
        const economy = { microBatch: 1, guidedTogether: true, decodeTile: size / 8 };
        const [whole, ...others] = requests(config, size);
        add(preparationPrograms(whole));
        for (const firstKeptBlock of [last, 0]) add(runPrograms(whole, { ...economy, firstKeptBlock }));
        for (const request of others)
          add(runPrograms({ ...request, samples: undefined }, { ...economy, firstKeptBlock: last }));
      });
    }
  });
  return found;
}

function requests(config: BaseModelConfig, size: number): [MemoryRequest, ...MemoryRequest[]] {
  const shape = { size: 1, width: size, height: size };
  const settings = {
    trainUnet: true,
    chunks: 1,
    clipSkip: 1,
    vPrediction: false,
    activations: 'half' as const,
  };
  const of = (text: MemoryRequest['settings']['text'], train_text_encoder: boolean): MemoryRequest => ({
    config,
    lora: {
      shapes: loraShapes(config, { train_unet: true, train_text_encoder, lora_rank: 8, lora_alpha: 8 }),
      dropout: 0,
    },
    optimizer: 'adamw',
    settings: { ...settings, text },
    buckets: [shape],
    samples: shape,
    keep: train_text_encoder ? config.family.texts : [],
  });
  const quantized = (basePrecision: BasePrecision): MemoryRequest => ({
    ...of('given', false),
    config: { ...config, basePrecision },
  });
  return [of('given', false), of('trained', true), quantized('int8'), quantized('nf4')];
}

/** Runs `work` with kernels choosing by the limits of another device: they read them off the open one. */
function withLimits(of: DeviceClass, work: () => void): void {
  const { device } = gpu();
  const own = Object.getOwnPropertyDescriptor(device, 'limits');
  Object.defineProperty(device, 'limits', { value: DEVICE_CLASSES[of], configurable: true });
  try {
    work();
  } finally {
    Reflect.deleteProperty(device, 'limits');
    if (own) Object.defineProperty(device, 'limits', own);
  }
}
