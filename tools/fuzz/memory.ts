/** How much memory the process had at most since it was asked; on Linux, where the system begins that count anew. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const CLEAR = '/proc/self/clear_refs';

/** Bytes in memory now, from which the peak counts; undefined where the system does not count it anew. */
export function resetPeak(): number | undefined {
  if (!existsSync(CLEAR)) return undefined;
  try {
    writeFileSync(CLEAR, '5');
  } catch {
    return undefined;
  }
  return process.memoryUsage.rss();
}

/** Bytes. */
export function peakBytes(): number {
  const kilobytes = /VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

/** What this thread no longer needs goes now. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
