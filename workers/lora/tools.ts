/** What the LoRA worker does with files: reads them, has src/formats/merging do the arithmetic, and hands Blobs back. */
import { fromBlob } from '../../src/formats/safetensors/byte_source';
import { combineInto, openLora, type Made, type NamedLora } from '../../src/formats/merging/made';
import { mergedMetadata, planMerge, type MergedFile } from '../../src/formats/merging/merge_base';
import type { MadeLora, MergedLora, MergedPart, Progress, ResizeRule } from '../../src/protocol/lora_tools';
import { storePieces, writePieces } from '../../src/storage/pieces';

/** Of `onProgress` in milliseconds: a message to the page and back, which lets `stop` come through. */
const EVERY_MS = 60;

/** Tells the page now and then how far it is; throws the signal's reason. */
export function paced(
  onProgress: Progress,
  signal: AbortSignal,
): (done: number, total: number) => Promise<void> {
  let last = -Infinity;
  return async (done, total) => {
    if (done < total && performance.now() - last < EVERY_MS) return;
    await onProgress(done, total);
    last = performance.now();
    signal.throwIfAborted();
  };
}

export function blobsOf({ files, resized }: Made): MadeLora {
  const blobs = files.map(({ path, bytes }) => ({
    ...(path === undefined ? {} : { path }),
    file: new Blob([bytes], { type: 'application/octet-stream' }),
  }));
  return resized ? { files: blobs, resized } : { files: blobs };
}

export async function combined(
  loras: readonly MergedLora[],
  rule: ResizeRule | undefined,
  step: (done: number, total: number) => Promise<void>,
): Promise<MadeLora> {
  return blobsOf(await combineInto(await opened(loras), rule, undefined, step));
}

async function opened(loras: readonly MergedLora[]): Promise<NamedLora[]> {
  const list: NamedLora[] = [];
  for (const { file, name, weights } of loras)
    list.push({ lora: await openLora(fromBlob(file)), name, weights });
  return list;
}

export async function partsOf(base: readonly File[], loras: readonly MergedLora[]): Promise<MergedPart[]> {
  const files = await plan(base, loras);
  return files.map(({ bytes, changed }, index) => ({ index, bytes, changed }));
}

/** Paths of what was kept in the browser. */
export async function mergeInto(
  base: readonly File[],
  loras: readonly MergedLora[],
  to: FileSystemFileHandle | undefined,
  step: (done: number, total: number) => Promise<void>,
): Promise<string[]> {
  const files = await plan(base, loras);
  const changed = files.flatMap((file, index) => (file.changed > 0 ? [{ file, of: base[index] }] : []));
  const total = changed.reduce((sum, { file }) => sum + file.bytes, 0);
  const paths: string[] = [];
  let before = 0;
  for (const { file, of } of changed) {
    const made = { name: of.name, bytes: file.bytes, pieces: () => file.pieces() };
    const start = before;
    const written = (bytes: number) => step(start + bytes, total);
    if (to) await writePieces(to, made, written);
    else paths.push(await storePieces(made, written));
    before += file.bytes;
  }
  return paths;
}

async function plan(base: readonly File[], loras: readonly MergedLora[]): Promise<MergedFile[]> {
  const list = await opened(loras);
  const from = [base.map(({ name }) => name).join(' + '), ...list.map(({ name }) => name)];
  return planMerge(
    base.map(fromBlob),
    list.map(({ lora, weights }) => ({ family: lora.file.family, modules: lora.file.modules, weights })),
    (own) => mergedMetadata(own, from),
  );
}
