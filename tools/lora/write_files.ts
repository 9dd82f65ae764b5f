/** Files of one answer on disk: one by the name that was asked for, or several in the folder of that name. */
import { dirname, join } from 'node:path';
import type { WrittenFile } from '../../src/formats/merging/written_as';
import { makeFolder, writeWhole } from '../files';

/** The paths written. Throws Node's error. */
export async function writeFiles(out: string, files: readonly WrittenFile[]): Promise<string[]> {
  const paths: string[] = [];
  for (const { path, bytes } of files) {
    const full = path === undefined ? out : join(out, path);
    await makeFolder(dirname(full));
    await writeWhole(full, bytes);
    paths.push(full);
  }
  return paths;
}
