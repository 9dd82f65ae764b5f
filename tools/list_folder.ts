/**
 * Every file below a folder, with when it was changed. Symbolic links are followed, each folder and file once: what has
 * been listed already, by its own path or another link, is not listed again, so links in a circle end.
 */
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { kindOf } from '../src/formats/dataset/kinds';
import type { FoundFile } from '../src/formats/dataset/dataset';

export interface Listing {
  files: FoundFile[];
  /** Links to what is not there, or may not be read. */
  broken: string[];
  /** Links to files that are listed by another path. */
  twice: string[];
}

/** Hidden folders, and `except`, are not entered. Paths have '/'. Rejects where `dir` itself cannot be read. */
export async function listFolder(dir: string, except?: string): Promise<Listing> {
  const out: Listing = { files: [], broken: [], twice: [] };
  const folders = [{ path: '', real: await realpath(dir) }];
  const links: string[] = [];
  const skipped = except === undefined ? undefined : await realpath(except).catch(() => undefined);
  const listed = new Set<string>();
  for (;;) {
    const folder = folders.pop();
    if (folder) {
      if (!listed.has(folder.real)) await enter(folder);
      continue;
    }
    // Own paths first: only what is reached by no other way is reached by a link.
    const link = links.shift();
    if (link === undefined) return out;
    await follow(link);
  }

  async function enter({ path, real }: { path: string; real: string }): Promise<void> {
    listed.add(real);
    const entries = await readdir(real, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const inner = { path: path + entry.name, real: join(real, entry.name) };
      if (kindOf(`${inner.path}/`) === 'junk' || inner.real === skipped) continue;
      if (entry.isSymbolicLink()) links.push(inner.path);
      else if (entry.isDirectory()) folders.push({ path: `${inner.path}/`, real: inner.real });
      else if (entry.isFile()) await add(inner.path, inner.real);
    }
  }

  async function follow(path: string): Promise<void> {
    const real = await realpath(join(dir, path)).catch(() => undefined);
    const facts = real === undefined ? undefined : await stat(real).catch(() => undefined);
    if (real === undefined || !facts) out.broken.push(path);
    else if (listed.has(real) && facts.isFile()) out.twice.push(path);
    else if (listed.has(real) || real === skipped) return;
    else if (facts.isDirectory()) folders.push({ path: `${path}/`, real });
    else if (facts.isFile()) await add(path, real);
  }

  async function add(path: string, real: string): Promise<void> {
    listed.add(real);
    const kind = kindOf(path);
    if (kind === 'junk') return;
    // When a picture was changed decides nothing.
    const facts = kind === 'picture' ? undefined : await stat(real);
    out.files.push({ path, ...(facts && { modified: facts.mtimeMs }) });
  }
}
