/**
 * The job that a run was, where its folder came back as it is: SHA256SUMS says which files were sent, so that pictures and
 * the LoRA it began from are not taken for what came of it, and whether they are still what they were.
 */
import type { ReturnedFile } from '../../protocol/handover';
import { folderOf, nameOf } from '../dataset/kinds';
import { sha256Hex } from '../safetensors/sha256';

export interface SentJob {
  /** Those below its folder. */
  readonly files: readonly ReturnedFile[];
  /** Paths, as those of the files. */
  readonly sent: ReadonlyMap<string, string>;
  /** Below `base/`, which whoever trained filled. */
  isBase(path: string): boolean;
}

const LIST = 'SHA256SUMS';
const LONGEST = 16 * 2 ** 20;

/** Undefined where no list of a job is among the files. */
export async function jobRoot(files: readonly ReturnedFile[]): Promise<SentJob | undefined> {
  const list = files.find(({ path }) => nameOf(path) === LIST);
  if (!list || list.file.size > LONGEST) return undefined;
  const root = folderOf(list.path);
  const sent = new Map<string, string>([[list.path, '']]);
  for (const line of (await list.file.text()).split('\n')) {
    const [sum = '', path] = [line.slice(0, 64), line.slice(66)];
    if (/^[0-9a-f]{64}$/.test(sum) && path !== '') sent.set(root + path, sum);
  }
  return {
    files: files.filter(({ path }) => path.startsWith(root)),
    sent,
    isBase: (path) => path.startsWith(`${root}base/`),
  };
}

/** Of the files that came back with it: how many there are, and which are others now. */
export async function compareSums({ files, sent }: SentJob): Promise<{ files: number; changed: string[] }> {
  const changed: string[] = [];
  let compared = 0;
  for (const { path, file } of files) {
    const sum = sent.get(path);
    if (!sum) continue;
    compared++;
    if ((await sha256Hex(new Uint8Array(await file.arrayBuffer()))) !== sum) changed.push(path);
  }
  return { files: compared, changed };
}
