/**
 * A run that begins anew where another of the same name has saved: its files keep their content under a name with their
 * time, so that hours of training are not replaced by the first save of a second try.
 */
import { readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Renames LoRA, checkpoints and states of `outputName` in `dir`; a sentence of what became of them, or nothing. */
export async function setEarlierAside(dir: string, outputName: string): Promise<string[]> {
  const names = (await readdir(dir).catch(() => [])).filter((name) => restOf(name, outputName) !== undefined);
  if (names.length === 0) return [];
  const times = await Promise.all(names.map(async (name) => (await stat(join(dir, name))).mtimeMs));
  const stamp = new Date(Math.max(...times))
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/[-:]/g, '');
  const kept = `${outputName}-${stamp.replace('T', '-')}`;
  for (const name of names) await rename(join(dir, name), join(dir, kept + (restOf(name, outputName) ?? '')));
  return [
    `note: ${dir} held an earlier run of this name: it is kept as ${kept}.safetensors, and its state can be resumed by ` +
      `resume: ${join(dir, `${kept}.state.safetensors`)}.`,
  ];
}

/** What follows the run's name in a file of it: `.safetensors`, `-000500.safetensors`, `.state.safetensors`. */
function restOf(name: string, outputName: string): string | undefined {
  if (!name.startsWith(outputName)) return undefined;
  const rest = name.slice(outputName.length);
  return /^((-\d{6,})?|\.state|\.state\.previous)\.safetensors$/.test(rest) ? rest : undefined;
}
