/** A job's zip in the browser: pictures as they were given or cut to their buckets, one at a time, into a Blob or a file. */
import { bucketConfig, bucketResolutions, placeInBucket, type Size } from '../../src/formats/dataset/buckets';
import { parseConfig } from '../../src/formats/config/config';
import { jobFiles, plainPicture, type JobPicture } from '../../src/formats/handover/job';
import { streamZip, writeZip } from '../../src/formats/zip/zip_write';
import type { OutgoingJob, OutgoingPicture } from '../../src/protocol/handover';
import { failedSave } from '../../src/storage/failed_write';
import { placeImage } from '../../src/training/data/resize';
import { pixelsOf } from '../pixels';

let stop: AbortController | undefined;

export function cancel(): void {
  stop?.abort();
}

export async function pack(
  job: OutgoingJob,
  to: FileSystemFileHandle | undefined,
  onProgress: (pictures: number) => void,
): Promise<Blob | undefined> {
  stop = new AbortController();
  const { signal } = stop;
  const config = parseConfig(job.config);
  const buckets = bucketConfig(config);
  const resolutions = bucketResolutions(buckets);
  const cut = (size: Size, focus: readonly [number, number]) =>
    placeInBucket(size, buckets, resolutions, focus);
  const pictures = job.pictures.map((picture): JobPicture => {
    const { name, caption, repeats } = picture;
    return { name, caption, repeats, open: () => opened(picture, job.cropped ? cut : undefined) };
  });
  const { lora, family, baseName, vaeName, processes, cpu, cropped } = job;
  const files = untilStopped(
    jobFiles({
      ...{ config, pictures, baseName, processes, cpu, cropped },
      ...(lora ? { lora } : {}),
      ...(family === undefined ? {} : { family }),
      ...(vaeName === undefined ? {} : { vaeName }),
    }),
    signal,
  );
  const onFile = (written: number) => onProgress(Math.min(pictures.length, Math.floor(written / 2)));
  if (!to) return writeZip(files, onFile);
  const writer = await to.createWritable();
  try {
    await streamZip(
      files,
      async (pieces) => {
        for (const piece of pieces)
          await writer.write(piece).catch((error: unknown) => {
            throw failedSave(to.name, piece.byteLength, error);
          });
      },
      onFile,
    );
    await writer.close();
  } catch (error) {
    await writer.abort().catch(() => undefined);
    throw error;
  }
  return undefined;
}

async function* untilStopped<T>(files: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  for await (const file of files) {
    signal.throwIfAborted();
    yield file;
  }
}

type Cut = (size: Size, focus: readonly [number, number]) => ReturnType<typeof placeInBucket>;

async function opened(
  { name, file, focus }: OutgoingPicture,
  cut: Cut | undefined,
): Promise<Awaited<ReturnType<JobPicture['open']>>> {
  if (cut) {
    const { data, width, height } = await pixelsOf({ name, file });
    const placement = cut([width, height], focus);
    const rgb = new Uint8Array((data.length / 4) * 3);
    for (let i = 0, o = 0; i < data.length; i += 4, o += 3) rgb.set(data.subarray(i, i + 3), o);
    const placed = placeImage(rgb, [width, height], placement);
    const [w, h] = placement.bucket;
    const pixels = new ImageData(w, h);
    for (let i = 0, o = 0; i < placed.length; i += 3, o += 4) {
      // Whole 8-bit values, mapped to [-1, 1] for the VAE.
      for (let c = 0; c < 3; c++) pixels.data[o + c] = Math.round((placed[i + c] * 0.5 + 0.5) * 255);
      pixels.data[o + 3] = 255;
    }
    return { bytes: await png(pixels), extension: '.png' };
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  return plainPicture(bytes, async () => png(await pixelsOf({ name, file })));
}

/** Of opaque pixels, without loss. */
async function png(pixels: ImageData): Promise<Uint8Array<ArrayBuffer>> {
  const canvas = new OffscreenCanvas(pixels.width, pixels.height);
  const context = canvas.getContext('2d', { alpha: false });
  if (!context) throw new Error('This browser gave no canvas to write the picture with.');
  context.putImageData(pixels, 0, 0);
  const blob = await canvas.convertToBlob({ type: 'image/png' });
  return new Uint8Array(await blob.arrayBuffer());
}
