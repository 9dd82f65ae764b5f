/**
 * One training at a time into one folder: a file `train.lock` in it names the process. It goes when that process ends,
 * and one that was left behind (a kill, a power cut) is taken over. Processes of another machine cannot be asked: theirs
 * counts for as long as they touch it.
 */
import { readFileSync, unlinkSync, utimesSync } from 'node:fs';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { makeFolder } from './files';
import { whyNotWritten } from './not_written';

/** Why nothing can be trained into a folder. */
export class OutputFolderError extends Error {
  override readonly name = 'OutputFolderError';
}

interface Owner {
  host: string;
  pid: number;
  /** When the process began, in the system's count, where it tells: a number is given again to another process. */
  began?: string;
}

const NAME = 'train.lock';
const TOUCH_MS = 30_000;
/** Of another machine's lock: not touched for that long, it was left behind. */
const LEFT_MS = 10 * TOUCH_MS;
/** A lock with nothing in it is being written right now, or was when the power went. */
const WRITING_MS = 5_000;

/**
 * Makes the folder and takes it, until this process ends. Throws `OutputFolderError`, with what to do, where another
 * training has it or nothing can be written there.
 */
export async function takeFolder(dir: string): Promise<void> {
  try {
    await makeFolder(resolve(dir));
    for (let tries = 0; !(await create(dir)); tries++) {
      await removeLeft(dir);
      if (tries === 3) throw new OutputFolderError(busy(dir));
    }
  } catch (error) {
    if (error instanceof OutputFolderError) throw error;
    throw new OutputFolderError(`output_dir: ${await whyNotWritten(error, dir, 0)} Nothing was trained.`);
  }
  hold(join(dir, NAME));
}

/** False where there is one already. */
async function create(dir: string): Promise<boolean> {
  const path = join(dir, NAME);
  const file = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return undefined;
    throw error;
  });
  if (!file) return false;
  try {
    await file.writeFile(JSON.stringify(myself()));
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return true;
}

/** Takes away a lock whose process is gone; throws where it is not. */
async function removeLeft(dir: string): Promise<void> {
  const path = join(dir, NAME);
  const text = await readFile(path, 'utf8').catch(() => undefined);
  const facts = await stat(path).catch(() => undefined);
  // Gone meanwhile: the next try says.
  if (text === undefined || !facts) return;
  const owner = ownerIn(text);
  const untouched = Date.now() - facts.mtimeMs;
  const left = owner
    ? owner.host === hostname()
      ? !lives(owner)
      : untouched > LEFT_MS
    : untouched > WRITING_MS;
  if (!left) throw new OutputFolderError(busy(dir, owner));
  // Two that find it at once: only one can move it, and one that was made meanwhile is put back.
  const mine = `${path}.${process.pid}`;
  await rename(path, mine).catch(() => undefined);
  const moved = await readFile(mine, 'utf8').catch(() => undefined);
  if (moved !== undefined && moved !== text) await rename(mine, path);
  else await rm(mine, { force: true });
}

function busy(dir: string, owner?: Owner): string {
  const who = owner
    ? `process ${owner.pid}${owner.host === hostname() ? '' : ` on ${owner.host}`}`
    : 'another';
  return (
    `Another training (${who}) writes into output_dir "${dir}". Wait until it has ended, or name another output_dir. ` +
    `If there is none, delete "${join(dir, NAME)}".`
  );
}

/** The lock is touched while this process lives, and goes with it, however it ends in order. */
function hold(path: string): void {
  const touch = setInterval(() => {
    try {
      utimesSync(path, new Date(), new Date());
    } catch {
      // The folder is gone; what is saved there next will say so.
    }
  }, TOUCH_MS);
  touch.unref();
  process.on('exit', () => {
    try {
      const owner = ownerIn(readFileSync(path, 'utf8'));
      if (owner?.pid === process.pid && owner.host === hostname()) unlinkSync(path);
    } catch {
      // Gone already.
    }
  });
}

function ownerIn(text: string): Owner | undefined {
  try {
    const { host, pid, began } = JSON.parse(text) as Partial<Record<keyof Owner, unknown>>;
    if (typeof host !== 'string' || typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1)
      return undefined;
    return { host, pid, ...(typeof began === 'string' ? { began } : {}) };
  } catch {
    return undefined;
  }
}

function myself(): Owner {
  const began = beganAt(process.pid);
  return { host: hostname(), pid: process.pid, ...(began === undefined ? {} : { began }) };
}

function lives({ pid, began }: Owner): boolean {
  // A container that was started anew gives its first processes the same numbers.
  if (pid === process.pid) return began !== undefined && began === beganAt(pid);
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Another user's process lives, too.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const now = beganAt(pid);
  return began === undefined || now === undefined || began === now;
}

/** Linux: the 22nd field of the process's line, in ticks since the machine's start, with the name of that start. */
function beganAt(pid: number): string | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // The second field is a name in parentheses, in which anything may stand.
    const ticks = line.slice(line.lastIndexOf(')') + 2).split(' ')[19];
    return ticks === undefined ? undefined : `${boot}:${ticks}`;
  } catch {
    return undefined;
  }
}
