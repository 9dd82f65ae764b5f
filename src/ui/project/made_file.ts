/** What the LoRA worker made, as the one file that a person saves: several go into a zip. Names are those that programs look for. */
import { sha256Hex } from '../../formats/safetensors/sha256';
import { writeZip } from '../../formats/zip/zip_write';
import type { MadeLora, ResizeReport, Writing } from '../../protocol/lora_tools';

export interface OneFile {
  readonly name: string;
  readonly file: Blob;
  readonly sha256: string;
  readonly resized: ResizeReport | undefined;
}

/** `name` is without ending. */
export async function asOneFile(name: string, { files, resized }: MadeLora): Promise<OneFile> {
  const [first] = files;
  const alone = files.length === 1 && first?.path === undefined;
  const file = alone
    ? first.file
    : await writeZip(files.map(({ path = `${name}.safetensors`, file: each }) => ({ path, file: each })));
  const sha256 = await sha256Hex(new Uint8Array(await file.arrayBuffer()));
  return { name: `${name}${alone ? '.safetensors' : '.zip'}`, file, sha256, resized };
}

/** `name` may have its ending. */
const stem = (name: string) => name.replace(/\.safetensors$/i, '');

export const fileNames = {
  converted: (name: string, to: Writing) =>
    to === 'diffusers' ? 'pytorch_lora_weights' : `${stem(name)}-${to}`,
  resized: (name: string) => `${stem(name)}-resized`,
  combined: (names: readonly string[]) => names.map(stem).join('+').slice(0, 100),
  merged: (name: string) => `${stem(name)}-merged.safetensors`,
};
