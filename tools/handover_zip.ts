/** A run's pictures, captions, settings and LoRA as the zip that `npm run handover` writes, with the SHA-256 of each file in it. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import sharp from 'sharp';
import type { TrainConfig } from '../src/formats/config/config_fields';
import { handoverFiles } from '../src/formats/handover/handover';
import { writeZip, type ZipInput } from '../src/formats/zip/zip_write';
import type { FolderImage } from './image_folder';

export interface HandoverOptions {
  readonly lora?: string;
  readonly processes: number;
  readonly cpu: boolean;
}

/** The zip of a configuration's pictures, as they were found. */
export async function handoverZip(
  config: TrainConfig,
  images: readonly FolderImage[],
  { lora, processes, cpu }: HandoverOptions,
): Promise<Blob> {
  const sums: string[] = [];
  const hashed = (path: string, bytes: Uint8Array): ZipInput => {
    sums.push(`${createHash('sha256').update(bytes).digest('hex')}  ${path}\n`);
    return { path, file: new Blob([Uint8Array.from(bytes)]) };
  };
  const text = new TextEncoder();
  return writeZip(
    (async function* () {
      const repeats = new Set<number>();
      for (const [index, image] of images.entries()) {
        const times = image.repeats * config.num_repeats;
        repeats.add(times);
        const { bytes, extension } = await picture(image.path);
        const stem = basename(image.name, extname(image.name)).replace(/[^\p{L}\p{N}_-]+/gu, '_');
        const path = `${folderOf(times)}/${String(index + 1).padStart(5, '0')}-${stem}`;
        yield hashed(`${path}${extension}`, bytes);
        // Theirs reads the first line, and refuses a file without any.
        yield hashed(`${path}.txt`, text.encode(`${oneLine(image.caption)}\n`));
      }
      const weights = lora === undefined ? undefined : `lora/${basename(lora)}`;
      if (lora !== undefined && weights !== undefined) yield hashed(weights, await readFile(lora));
      const files = handoverFiles({
        ...{ config, processes, cpu, baseName: basename(config.base_model) },
        folders: [...repeats]
          .sort((a, b) => a - b)
          .map((times) => ({ path: folderOf(times), repeats: times })),
        ...(config.vae === '' ? {} : { vaeName: basename(config.vae) }),
        ...(weights === undefined ? {} : { weights }),
      });
      for (const [name, content] of files) yield hashed(name, text.encode(content));
      yield { path: 'SHA256SUMS', file: new Blob(sums) };
    })(),
  );
}

function folderOf(repeats: number): string {
  return `images/${repeats}_times`;
}

/** As it is, where sd-scripts reads it as we do; else upright, over white, as a PNG. */
async function picture(path: string): Promise<{ bytes: Uint8Array; extension: string }> {
  const bytes = await readFile(path);
  const { format, orientation = 1, hasAlpha } = await sharp(bytes).metadata();
  const extension = ({ png: '.png', jpeg: '.jpg', webp: '.webp' } as Record<string, string | undefined>)[
    format
  ];
  if (extension !== undefined && orientation === 1 && !hasAlpha) return { bytes, extension };
  const made = await sharp(bytes).rotate().flatten({ background: '#ffffff' }).png().toBuffer();
  return { bytes: made, extension: '.png' };
}

function oneLine(caption: string): string {
  return caption
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ');
}
