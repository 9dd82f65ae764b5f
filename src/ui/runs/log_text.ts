/** `logs/train.log`: a line a line, with its time. */
import type { LogLine } from '../../storage/runs';

export function logText(log: readonly LogLine[]): string {
  return log.map(({ at, text }) => `${new Date(at).toISOString()} ${text}\n`).join('');
}
