/**
 * LoRAs merged into a base model on disk, piece by piece: a checkpoint of one file gives one file, a folder of diffusers'
 * gives a folder in which what no LoRA changes is copied.
 */
import { cp, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { WeightedLora } from '../../src/formats/merging/combine';
import { planMerge, type MergedFile } from '../../src/formats/merging/merge_base';
import { baseFiles, openBase } from '../base_files';
import { makeFolder, PART } from '../files';

/** Throws as `planMerge` does, and Node's errors; no half-written model is left then. */
export async function writeMerged(
  base: string,
  loras: readonly WeightedLora[],
  metadata: (own: Readonly<Record<string, string>>) => Record<string, string>,
  out: string,
  say: (line: string) => void,
): Promise<void> {
  const whole = { base_model: base, vae: '' };
  const paths = await baseFiles(whole);
  const files = await planMerge(await openBase(whole), loras, metadata);
  const folder = (await stat(base)).isDirectory();
  if (folder) {
    await cp(base, out, { recursive: true, filter: (path) => !paths.includes(path) });
  }
  for (const [index, file] of files.entries()) {
    const path = folder ? join(out, relative(base, paths[index])) : out;
    await makeFolder(dirname(path));
    if (folder && file.changed === 0) await cp(paths[index], path);
    else await writePieces(path, file);
    if (file.changed > 0) say(`written: ${path} (${file.changed} layers changed)`);
  }
}

async function writePieces(path: string, file: MergedFile): Promise<void> {
  const part = `${path}${PART}`;
  try {
    const handle = await open(part, 'w');
    try {
      for await (const piece of file.pieces()) await handle.write(piece);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw error;
  }
}
