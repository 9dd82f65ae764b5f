/**
 * What was measured of this machine's graphics adapters, in a file of the user's cache folder. A file that is missing, damaged
 * or not to be written costs a second's measuring at the next run.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TuningCache } from '../src/training/plan/tuning';

/** Where the system keeps what may be thrown away. */
export function cacheFolder(
  environment: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = environment;
  if (platform === 'win32') return join(LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'lora-studio');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'lora-studio');
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'lora-studio');
}

/** Kept by adapter in one JSON file. */
export function tuningFile(path = join(cacheFolder(), 'tunings.json')): TuningCache {
  const read = async (): Promise<Record<string, unknown>> => {
    try {
      const all: unknown = JSON.parse(await readFile(path, 'utf8'));
      return typeof all === 'object' && all !== null ? (all as Record<string, unknown>) : {};
    } catch {
      return {};
    }
  };
  return {
    get: async (adapter) => {
      const all = await read();
      return Object.hasOwn(all, adapter) ? all[adapter] : undefined;
    },
    put: async (adapter, tuning) => {
      const text = JSON.stringify({ ...(await read()), [adapter]: tuning }, null, 1);
      await mkdir(dirname(path), { recursive: true });
      // Two runs at once: the later one's file is whole, whichever it is.
      const part = `${path}.${process.pid}`;
      await writeFile(part, text);
      await rename(part, path);
    },
  };
}
