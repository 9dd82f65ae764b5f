/** Files of the repository that serve as seeds; read in the thread, which is told where the repository is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { workerData } from 'node:worker_threads';

const root = (workerData as { root?: string } | null)?.root ?? process.cwd();

export function bytesIn(path: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(join(root, path)));
}

export function textIn(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}
