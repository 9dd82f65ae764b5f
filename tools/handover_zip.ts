/** A run's pictures on disk, its settings and LoRA as a job for sd-scripts: what is in it is formats/handover's. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import sharp from 'sharp';
import type { TrainConfig } from '../src/formats/config/config_fields';
import type { FamilyName } from '../src/formats/families/families';
import { jobFiles, plainPicture, type Job } from '../src/formats/handover/job';
import type { FolderImage } from './image_folder';

export interface HandoverOptions {
  readonly lora?: string;
  /** Of the base model, where its files are at hand. */
  readonly family?: FamilyName;
  readonly processes: number;
  readonly cpu: boolean;
}

/** The files of the job of a configuration's pictures, as they were found. */
export async function handoverFilesOf(
  config: TrainConfig,
  images: readonly FolderImage[],
  { lora, family, processes, cpu }: HandoverOptions,
): Promise<ReturnType<typeof jobFiles>> {
  const job: Job = {
    ...{ config, processes, cpu, baseName: basename(config.base_model) },
    pictures: images.map(({ path, name, caption, repeats }) => ({
      ...{ name, caption, repeats },
      open: async () => {
        const bytes = Uint8Array.from(await readFile(path));
        return plainPicture(bytes, () => drawn(bytes));
      },
    })),
    ...(family === undefined ? {} : { family }),
    ...(config.vae === '' ? {} : { vaeName: basename(config.vae) }),
    ...(lora === undefined
      ? {}
      : { lora: { name: basename(lora), file: new Blob([Uint8Array.from(await readFile(lora))]) } }),
  };
  return jobFiles(job);
}

/** Upright, over white, 8 bits a channel. */
async function drawn(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const plain = sharp(bytes).autoOrient().flatten({ background: '#ffffff' }).toColourspace('srgb');
  return Uint8Array.from(await plain.png().toBuffer());
}
