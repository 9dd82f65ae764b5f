/**
 * `keep_last_n`: deletes the older checkpoints of one run, and of no other that has the same name. A file belongs to the
 * run if its metadata says so, so that a resumed run finds those from before.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readHeader } from '../src/formats/safetensors/safetensors';
import { withSource } from './files';

/** `newest` is the file just written; it and `keep - 1` before it stay. Gives the names of what was deleted. */
export async function deleteOlder(
  dir: string,
  outputName: string,
  newest: string,
  keep: number,
): Promise<string[]> {
  const run = await sessionOf(join(dir, newest));
  if (keep <= 0 || run === undefined) return [];
  const found: { name: string; step: number }[] = [];
  for (const name of await readdir(dir)) {
    const step = stepOf(name, outputName);
    if (step !== undefined && (await sessionOf(join(dir, name))) === run) found.push({ name, step });
  }
  const older = found.sort((a, b) => a.step - b.step).slice(0, -keep);
  for (const { name } of older) await rm(join(dir, name), { force: true });
  return older.map(({ name }) => name);
}

/** `<name>-000500.safetensors`; the run's last file has no number, and stays. */
function stepOf(name: string, outputName: string): number | undefined {
  if (!name.startsWith(`${outputName}-`)) return undefined;
  const digits = /^(\d{6,})\.safetensors$/.exec(name.slice(outputName.length + 1))?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** What cannot be read is nobody's. */
async function sessionOf(path: string): Promise<string | undefined> {
  const header = await withSource(path, readHeader).catch(() => undefined);
  return header?.metadata['ss_session_id'];
}
