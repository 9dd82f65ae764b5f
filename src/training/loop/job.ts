/**
 * A run as the page asks for it: parses the configuration, opens the GPU, and trains. How pictures are decoded is the
 * caller's, for it differs between a worker and Node.
 */
import { fromBlob } from '../../formats/safetensors/byte_source';
import { parseConfig } from '../../formats/config/config';
import type { TrainConfig } from '../../formats/config/config_fields';
import { sha256Hex } from '../../formats/safetensors/sha256';
import { closeDevice, openDevice, type Tier } from '../../kernels/device';
import type { JobImage, TrainEvent, TrainJob } from '../../protocol/trainer';
import type { Asks } from './asks';
import type { TrainingImage } from '../data/dataset';
import { trainAdapting } from './adapting';
import { DeviceWatch } from './device_lost';
import type { TrainingRun } from './prepare';

/** Reads a picture's upright size, and later its pixels. */
export type Decode = (image: JobImage) => Promise<Pick<TrainingImage, 'size' | 'pixels'>>;

/**
 * Yields everything that happens, and waits while the run is paused. Errors are named and carry a sentence for the
 * user.
 */
export async function* runJob(
  job: TrainJob,
  decode: Decode,
  asks: Asks,
  kept: Pick<TrainingRun, 'latents' | 'tunings'> = {},
): AsyncGenerator<TrainEvent, void> {
  const config = parseConfig(job.config);
  const device = new DeviceWatch();
  await openDevice({ ...tierFor(config.mixed_precision), onLost: device.onLost });
  const images: TrainingImage[] = [];
  for (const image of job.images) {
    asks.signal.throwIfAborted();
    const { name, caption, repeats, focus } = image;
    const digest = async () => sha256Hex(new Uint8Array(await image.file.arrayBuffer()));
    images.push({ name, caption, repeats, ...(focus ? { focus } : {}), ...(await decode(image)), digest });
  }
  const events = trainAdapting({
    config,
    base: { name: job.baseName, files: job.base.map(fromBlob) },
    images,
    merges: job.merges,
    ...(job.pretrained ? { pretrained: fromBlob(job.pretrained) } : {}),
    ...(job.state ? { state: fromBlob(job.state) } : {}),
    ...(job.olderStates ? { olderStates: job.olderStates.map(fromBlob) } : {}),
    ...kept,
    ...(job.cardGb ? { cardGb: job.cardGb } : {}),
    ...(job.anyway ? { anyway: true } : {}),
    signal: asks.signal,
    asks,
  });
  let waiting = false;
  try {
    for await (const event of device.over(events, asks.signal)) {
      // The loop says 'paused' again after each thing it was asked for meanwhile.
      if (event.kind !== 'paused' || !waiting) yield event;
      waiting = event.kind === 'paused' || (waiting && event.kind !== 'resumed');
      if (event.kind === 'paused') await asks.attention();
    }
  } finally {
    closeDevice();
  }
}

/** `fp32` keeps to the lowest tier; `fp16` insists on halves; `auto` takes the best there is. */
export function tierFor(precision: TrainConfig['mixed_precision']): { tier?: Tier } {
  return TIERS[precision];
}

const TIERS: Readonly<Record<TrainConfig['mixed_precision'], { tier?: Tier }>> = {
  auto: {},
  fp16: { tier: 'f16' },
  fp32: { tier: 'f32' },
};
