/**
 * A run as the page asks for it: parses the configuration, opens the GPU, and trains. How pictures are decoded is the
 * caller's, for it differs between a worker and Node.
 */
import { fromBlob } from '../../formats/safetensors/byte_source';
import { parseConfig } from '../../formats/config/config';
import type { TrainConfig } from '../../formats/config/config_fields';
import { sha256Hex } from '../../formats/safetensors/sha256';
import { closeDevice, openDevice, type Tier } from '../../kernels/device';
import type { EngineFacts } from '../../protocol/engine_errors';
import type { JobImage, TrainEvent, TrainJob } from '../../protocol/trainer';
import type { Asks } from './asks';
import type { TrainingImage } from '../data/dataset';
import { trainAdapting } from './adapting';

/** Reads a picture's upright size, and later its pixels. */
export type Decode = (image: JobImage) => Promise<Pick<TrainingImage, 'size' | 'pixels'>>;

/**
 * Yields everything that happens, and waits while the run is paused. Errors are named and carry a sentence for the
 * user.
 */
export async function* runJob(job: TrainJob, decode: Decode, asks: Asks): AsyncGenerator<TrainEvent, void> {
  const config = parseConfig(job.config);
  const lost = new AbortController();
  const heard = new Promise<void>((resolve) => {
    lost.signal.addEventListener('abort', () => resolve());
  });
  await openDevice({
    ...tierFor(config.mixed_precision),
    onLost: (reason) => lost.abort(new DeviceLostError(reason)),
  });
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
    ...(job.cardGb ? { cardGb: job.cardGb } : {}),
    ...(job.anyway ? { anyway: true } : {}),
    signal: asks.signal,
    asks,
  });
  let waiting = false;
  try {
    for await (const event of events) {
      lost.signal.throwIfAborted();
      // The loop says 'paused' again after each thing it was asked for meanwhile.
      if (event.kind !== 'paused' || !waiting) yield event;
      waiting = event.kind === 'paused' || (waiting && event.kind !== 'resumed');
      if (event.kind === 'paused') await asks.attention();
    }
  } catch (error) {
    // Whatever failed, a lost device is why; the news of it may come a moment after the failure.
    await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, LOST_NEWS_MS))]);
    lost.signal.throwIfAborted();
    // What waits on a device that is gone is aborted; so is a run that was asked to stop, and that is no loss.
    if (!asks.signal.aborted && error instanceof Error && error.name === 'AbortError')
      throw new DeviceLostError(error.message);
    throw error;
  } finally {
    closeDevice();
  }
}

const LOST_NEWS_MS = 250;

export class DeviceLostError extends Error {
  override readonly name = 'DeviceLostError';
  readonly code = 'lost';
  readonly facts: EngineFacts['DeviceLostError']['lost'];
  constructor(reason: string) {
    super(`The GPU was lost (${reason}). Resume from the last checkpoint.`);
    this.facts = { reason };
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
