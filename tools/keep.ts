/**
 * What a run saves, put on the disk. A disk that is full or gone ends no run: what was not written is said, the next save
 * tries again, and the last one is written to another place rather than lost.
 */
import { existsSync } from 'node:fs';
import { link, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import type { TrainConfig } from '../src/formats/config/config_fields';
import type { SavedFile, TrainEvent } from '../src/protocol/trainer';
import { makeFolder, PART, writeWhole } from './files';
import { megabytes, whyNotWritten } from './not_written';
import { deleteOlder } from './old_checkpoints';
import { sampleName } from './sample_name';

type Saved = Extract<TrainEvent, { kind: 'saved' }>;
type Sample = Extract<TrainEvent, { kind: 'sample' }>;

export interface Kept {
  /** What to tell, after it is true. */
  lines: string[];
  /** All is where it belongs. */
  whole: boolean;
}

export function stateName(outputName: string): string {
  return `${outputName}.state.safetensors`;
}

/** The state before the newest one, to fall back to. */
export function previousStateName(outputName: string): string {
  return `${outputName}.state.previous.safetensors`;
}

/**
 * Never throws for what the disk does. `sound`: the newest state there may become the previous one. `elsewhere`: where the last files go if not into output_dir, best first.
 */
export async function keepSaved(
  event: Saved,
  config: TrainConfig,
  sound = true,
  elsewhere: readonly string[] = [process.cwd(), tmpdir()],
): Promise<Kept> {
  const { output_dir: dir, output_name: name } = config;
  const { lora, state, step, final } = event;
  const saved = `saved ${lora.name} at step ${step} (${megabytes(lora.blob.size)})`;
  const lines: string[] = [];
  const gone = !existsSync(dir);
  if (gone) await makeFolder(resolve(dir)).catch(() => undefined);
  if (gone && existsSync(dir)) lines.push(`note: the folder "${dir}" was gone; it was made again.`);

  const loraFault = await put(dir, lora);
  const stateFault = await put(
    dir,
    state,
    sound ? () => keepPrevious(dir, state.name, previousStateName(name)) : undefined,
  );
  if (loraFault === undefined) lines.push(saved);
  if (final) {
    if (loraFault !== undefined)
      lines.push(...(await otherPlace(lora, `${lora.name} at step ${step}`, loraFault, elsewhere)));
    if (stateFault !== undefined)
      lines.push(...(await otherPlace(state, 'The state to go on from', stateFault, elsewhere)));
  } else if (loraFault !== undefined && stateFault !== undefined)
    lines.push(
      `WARNING: step ${step} was not saved. ${loraFault} The run goes on; the next save tries again.`,
    );
  else if (loraFault !== undefined)
    lines.push(
      `WARNING: ${lora.name} was not saved. ${loraFault} The run goes on, and can be resumed from here.`,
    );
  else if (stateFault !== undefined)
    lines.push(
      `WARNING: the state at step ${step} was not saved, so that resuming would begin before it. ${stateFault} ` +
        'The run goes on; the next save tries again.',
    );

  if (!final && loraFault === undefined) {
    const fault = await deleteOlder(dir, name, lora.name, config.keep_last_n).catch(
      (error: unknown) => error,
    );
    if (fault instanceof Error) lines.push(`note: older checkpoints were not deleted (${fault.message}).`);
  }
  return { lines, whole: loraFault === undefined && stateFault === undefined };
}

/** A PNG. */
export function encodeSample({ width, height, rgba }: Sample): Promise<Uint8Array> {
  return sharp(Buffer.from(rgba.buffer), { raw: { width, height, channels: 4 } })
    .removeAlpha()
    .png()
    .toBuffer();
}

/** As a PNG, which `made` may be already, among the others. Never throws for what the disk does. */
export async function keepSample(event: Sample, config: TrainConfig, made?: Uint8Array): Promise<Kept> {
  const { step, prompt } = event;
  const dir = resolve(config.output_dir, 'samples');
  const png = made ?? (await encodeSample(event));
  try {
    await makeFolder(dir);
    await writeWhole(join(dir, sampleName(config.output_name, event)), png);
    return { lines: [`sample at step ${step}: ${prompt}`], whole: true };
  } catch (error) {
    const why = await whyNotWritten(error, dir, png.length);
    return {
      lines: [`WARNING: the sample at step ${step} was not saved. ${why} The run goes on.`],
      whole: false,
    };
  }
}

/** What a process left half written that was killed while saving under this name. */
export async function removeParts(dir: string, outputName: string): Promise<void> {
  for (const name of await readdir(dir)) {
    const rest = name.startsWith(outputName) ? name.slice(outputName.length) : '';
    if (rest.endsWith(PART) && /^(-\d{6,}|\.state)?\.safetensors$/.test(rest.slice(0, -PART.length)))
      await rm(join(dir, name), { force: true }).catch(() => undefined);
  }
}

/** A sentence where it failed. */
async function put(
  dir: string,
  file: SavedFile,
  beforePlacing?: () => Promise<void>,
): Promise<string | undefined> {
  try {
    await writeWhole(join(dir, file.name), await file.blob.bytes(), beforePlacing);
    return undefined;
  } catch (error) {
    return whyNotWritten(error, dir, file.blob.size);
  }
}

/** Under its own name and the new one there is a whole state at every moment, where the file system has two names for a file. */
async function keepPrevious(dir: string, newest: string, previous: string): Promise<void> {
  const [from, to] = [join(dir, newest), join(dir, previous)];
  if (!existsSync(from)) return;
  await rm(`${to}${PART}`, { force: true });
  const linked = await link(from, `${to}${PART}`).then(
    () => true,
    () => false,
  );
  // Where that fails, the new one alone is better than none.
  await rename(linked ? `${to}${PART}` : from, to).catch(() => undefined);
}

async function otherPlace(
  file: SavedFile,
  what: string,
  why: string,
  places: readonly string[],
): Promise<string[]> {
  const tried: string[] = [];
  for (const dir of new Set(places.map((place) => resolve(place)))) {
    const name = freeName(dir, file.name);
    const fault = await put(dir, { name, blob: file.blob });
    if (fault === undefined)
      return [
        `WARNING: ${what} is not in its place. ${why} It was saved to "${join(dir, name)}": move it from there.`,
      ];
    tried.push(fault);
  }
  return [`WARNING: ${what} was not saved. ${[why, ...tried].join(' ')}`];
}

/** Nobody's file is written over where none of ours is expected. */
function freeName(dir: string, name: string): string {
  const [, stem = name, ending = ''] = /^(.*?)(\.state\.safetensors|\.safetensors)$/s.exec(name) ?? [];
  let free = name;
  for (let n = 2; existsSync(join(dir, free)); n++) free = `${stem}-${n}${ending}`;
  return free;
}
