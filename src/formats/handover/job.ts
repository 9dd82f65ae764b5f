/**
 * All files of a job for sd-scripts, one after the other, for whoever writes them: pictures with their captions, the LoRA so
 * far, what handover.ts makes of the settings, and the SHA-256 of each. One picture is in memory at a time. The same for
 * page and command line, which differ in how a picture is opened.
 */
import type { TrainConfig } from '../config/config_fields';
import { nameOf, stemOf } from '../dataset/kinds';
import type { FamilyName } from '../families/families';
import { sha256Hex } from '../safetensors/sha256';
import { onOneLine } from '../text/trimmed';
import type { ZipInput } from '../zip/zip_write';
import { handoverFiles } from './handover';
import { plainExtension, type PlainExtension } from './plain_picture';

export interface JobPicture {
  /** A file name, with or without folders before it. */
  readonly name: string;
  /** As it is trained on, the trigger word included. */
  readonly caption: string;
  /** Its folder's or its own; the configuration's `num_repeats` comes on top. */
  readonly repeats: number;
  /** Called once, when its turn has come. */
  open(): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly extension: PlainExtension }>;
}

export interface Job {
  readonly config: TrainConfig;
  readonly pictures: readonly JobPicture[];
  /** The LoRA to go on from. */
  readonly lora?: { readonly name: string; readonly file: Blob };
  /** Of the base model. */
  readonly family?: FamilyName;
  /** File names of base model and VAE, which do not go along. */
  readonly baseName: string;
  readonly vaeName?: string;
  readonly processes: number;
  readonly cpu: boolean;
  /** The pictures come cut to their buckets instead of as they are. */
  readonly cropped?: boolean;
}

/** Named by number, in the order given, so that two of one name do not meet. */
export async function* jobFiles(job: Job): AsyncGenerator<ZipInput> {
  const { config, pictures, lora, family, baseName, vaeName, processes, cpu, cropped = false } = job;
  const sums: string[] = [];
  const hashed = async (path: string, bytes: Uint8Array<ArrayBuffer>): Promise<ZipInput> => {
    sums.push(`${await sha256Hex(bytes)}  ${path}\n`);
    return { path, file: new Blob([bytes]) };
  };
  const text = new TextEncoder();
  const repeats = new Set<number>();
  for (const [index, picture] of pictures.entries()) {
    const times = picture.repeats * config.num_repeats;
    repeats.add(times);
    const { bytes, extension } = await picture.open();
    const stem = stemOf(nameOf(picture.name)).replace(/[^\p{L}\p{N}_-]+/gu, '_');
    const path = `${folderOf(times)}/${String(index + 1).padStart(5, '0')}-${stem}`;
    yield await hashed(`${path}${extension}`, bytes);
    // Theirs reads the first line, and refuses a file without any.
    yield await hashed(`${path}.txt`, text.encode(`${onOneLine(picture.caption).trim()}\n`));
  }
  const weights = lora && `lora/${lora.name}`;
  if (lora && weights !== undefined)
    yield await hashed(weights, new Uint8Array(await lora.file.arrayBuffer()));
  const files = handoverFiles({
    ...{ config, processes, cpu, baseName, cropped },
    folders: [...repeats].sort((a, b) => a - b).map((times) => ({ path: folderOf(times), repeats: times })),
    ...(family === undefined ? {} : { family }),
    ...(vaeName === undefined ? {} : { vaeName }),
    ...(weights === undefined ? {} : { weights }),
  });
  for (const [name, content] of files) yield await hashed(name, text.encode(content));
  yield { path: 'SHA256SUMS', file: new Blob(sums) };
}

/** A picture's file as it is, where sd-scripts reads it as we do; otherwise what `draw` makes of it, a PNG. */
export async function plainPicture(
  bytes: Uint8Array<ArrayBuffer>,
  draw: () => Promise<Uint8Array<ArrayBuffer>>,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; extension: PlainExtension }> {
  const extension = plainExtension(bytes);
  return extension ? { bytes, extension } : { bytes: await draw(), extension: '.png' };
}

function folderOf(repeats: number): string {
  return `images/${repeats}_times`;
}
