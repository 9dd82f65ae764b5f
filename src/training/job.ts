/**
 * A run as the page asks for it: parses the configuration, opens the GPU, and trains. How pictures are decoded is the
 * caller's, for it differs between a worker and Node.
 */
import { fromBlob } from '../formats/byte_source';
import { parseConfig } from '../formats/config';
import { openDevice, type Tier } from '../kernels/device';
import type { JobImage, TrainEvent, TrainJob } from '../protocol/trainer';
import type { TrainingImage } from './dataset';
import { train } from './train';

/** Reads a picture's upright size, and later its pixels. */
export type Decode = (image: JobImage) => Promise<Pick<TrainingImage, 'size' | 'pixels'>>;

/** Yields everything that happens. Errors are named and carry a sentence for the user. */
export async function* runJob(
  job: TrainJob,
  decode: Decode,
  signal: AbortSignal,
): AsyncGenerator<TrainEvent, void> {
  const config = parseConfig(job.config);
  const lost = new AbortController();
  await openDevice({
    ...tierFor(config.mixed_precision),
    onLost: (reason) =>
      lost.abort(new DeviceLostError(`The GPU was lost (${reason}). Resume from the last checkpoint.`)),
  });
  const images: TrainingImage[] = [];
  for (const image of job.images) {
    const { name, caption, repeats } = image;
    images.push({ name, caption, repeats, ...(await decode(image)) });
  }
  const events = train({
    config,
    base: { name: job.baseName, files: job.base.map(fromBlob) },
    images,
    merges: job.merges,
    ...(job.pretrained ? { pretrained: fromBlob(job.pretrained) } : {}),
    ...(job.state ? { state: fromBlob(job.state) } : {}),
    signal,
  });
  try {
    for await (const event of events) {
      lost.signal.throwIfAborted();
      yield event;
    }
  } catch (error) {
    // Whatever failed, a lost device is why.
    lost.signal.throwIfAborted();
    throw error;
  }
}

export class DeviceLostError extends Error {
  override readonly name = 'DeviceLostError';
}

/** `fp32` keeps to the lowest tier; `fp16` insists on halves; `auto` takes the best there is. */
export function tierFor(precision: 'auto' | 'fp16' | 'fp32'): { tier?: Tier } {
  if (precision === 'fp32') return { tier: 'f32' };
  return precision === 'fp16' ? { tier: 'f16' } : {};
}
