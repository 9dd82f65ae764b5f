/**
 * What the table of faults is made of: the trainer as a child process on the tiny model, with a folder of its own, and
 * the questions that every fault's end is asked.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { readHeader } from '../src/formats/safetensors/safetensors';
import { lavapipeIcd, vulkanEnvironment } from './adapters';
import { bundle } from './bundle';
import { withSource } from './files';

/** This platform cannot make the fault; the message says what it would take. */
export class NotHere extends Error {
  override readonly name = 'NotHere';
}

export const MODEL = fileURLToPath(new URL('../reference/golden/tiny-sd15.safetensors', import.meta.url));
export const NAME = 'squares';

const SETTINGS = {
  base_model: MODEL,
  output_name: NAME,
  resolution: 64,
  min_bucket_reso: 64,
  max_bucket_reso: 64,
  lora_rank: 2,
  train_text_encoder: false,
  batch_size: 1,
  max_train_steps: 4,
  learning_rate: 0.001,
  lr_scheduler: 'constant',
  lr_warmup_steps: 0,
  save_steps: 1,
  sample_prompts: [] as string[],
  resume: true as boolean | string,
};
export type Settings = Partial<typeof SETTINGS>;

/** The bundled trainer, made once. */
let trainer: Promise<string | undefined> | undefined;

/** A folder with two pictures; `output` is where trainings go. */
export interface Place {
  root: string;
  data: string;
  output: string;
}

export async function place(): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), 'fault-'));
  const data = join(root, 'data');
  await mkdir(data);
  for (const [name, colour] of [
    ['red', '#c02020'],
    ['blue', '#2040c0'],
  ] as const) {
    const png = sharp({ create: { width: 64, height: 64, channels: 3, background: colour } }).png();
    await writeFile(join(data, `${name}.png`), await png.toBuffer());
    await writeFile(join(data, `${name}.txt`), `a ${name} square`);
  }
  return { root, data, output: join(root, 'out') };
}

export interface Ended {
  /** As a shell says it: 128 and the signal's number where one ended it. */
  status: number;
  /** All it printed. */
  text: string;
}

/** A training under way. */
export class Training {
  text = '';
  private constructor(
    readonly child: ChildProcess,
    readonly ended: Promise<Ended>,
  ) {}

  /** `shell` comes before the command, as `ulimit -f 500;`. */
  static async start(
    place: Place,
    settings: Settings = {},
    shell = '',
    options: readonly string[] = [],
  ): Promise<Training> {
    trainer ??= bundle('train');
    const file = await trainer;
    if (!file) throw new Error('There is no tools/train.ts.');
    const config = join(place.root, `config-${Math.random().toString(36).slice(2)}.yaml`);
    const all = { ...SETTINGS, train_data_dir: place.data, output_dir: place.output, ...settings };
    await writeFile(
      config,
      Object.entries(all)
        .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
        .join('\n'),
    );
    const env = { ...process.env, ...vulkanEnvironment(lavapipeIcd()), TMPDIR: place.root };
    const command = [process.execPath, file, '--config', config, ...options];
    const child = shell
      ? spawn('sh', ['-c', `${shell} exec "$@"`, 'sh', ...command], { cwd: place.root, env })
      : spawn(process.execPath, command.slice(1), { cwd: place.root, env });
    let training: Training | undefined = undefined;
    const ended = new Promise<Ended>((resolve) =>
      child.on('close', (code, signal) =>
        resolve({
          status: code ?? 128 + (signal ? constants.signals[signal] : 0),
          text: training?.text ?? '',
        }),
      ),
    );
    training = new Training(child, ended);
    const started = training;
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => void (started.text += chunk.toString()));
    return training;
  }

  /** Until it has said that; throws where it ends without. */
  async says(text: string): Promise<void> {
    let over = false;
    void this.ended.then(() => (over = true));
    while (!this.text.includes(text)) {
      if (over) throw new Error(`It ended without saying "${text}":\n${this.text}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** From start to end, undisturbed. */
export async function train(
  place: Place,
  settings: Settings = {},
  shell = '',
  options: readonly string[] = [],
): Promise<Ended> {
  return (await Training.start(place, settings, shell, options)).ended;
}

/** The step that a run would go on from, read from its state; throws where that is no whole file. */
export async function savedStep(place: Place, name = `${NAME}.state.safetensors`): Promise<number> {
  const { metadata } = await withSource(join(place.output, name), readHeader);
  return Number(metadata['step']);
}

export async function loraBytes(place: Place, name = `${NAME}.safetensors`): Promise<Buffer> {
  return readFile(join(place.output, name));
}

/** The tensors alone: the metadata tell when it ended. */
export async function tensorsOf(place: Place): Promise<Buffer> {
  const bytes = await loraBytes(place);
  return bytes.subarray(8 + Number(bytes.readBigUInt64LE(0)));
}

/** Every file that another program may read there is whole, and nothing half written lies about. */
export async function wholeFiles(place: Place): Promise<string[]> {
  const names = existsSync(place.output) ? await readdir(place.output) : [];
  for (const name of names.filter((each) => each.endsWith('.safetensors')))
    await withSource(join(place.output, name), readHeader);
  return names.sort();
}

export function must(holds: boolean, what: string, text: string): void {
  if (!holds) throw new Error(`${what}. It said:\n${text}`);
}

/** A small disk of its own at `path`; gives what takes it away. */
export async function smallDisk(path: string, kilobytes: number): Promise<() => void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new NotHere('needs Linux and root, to mount');
  await mkdir(path, { recursive: true });
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', path]);
  if (mounted.status !== 0) throw new NotHere('mount is not allowed here');
  return () => void spawnSync('umount', ['-l', path]);
}

export async function remove(place: Place): Promise<void> {
  await rm(place.root, { recursive: true, force: true });
}
