/**
 * Big files (base models, captioning models) in the browser's private file system. A file is there whole or not at
 * all: it is written beside and moved in by the browser when it is closed. A download's part alone is neither, and only
 * `downloads` opens it. What a crash left lying is swept.
 */
import { begunDownloads, dropBegun } from './begun_downloads';
import { listCaptioners } from './captioners';
import { plainError, StorageError } from './error';
import { failedWrite, reasonOf, refuseWithoutRoom } from './failed_write';
import { fileOf, FOLDER, leafOf, models, newLeaf, hasFolder } from './opfs';
import { listProjects, storedPaths } from './projects';

export { deleteFile, nameOfLeaf } from './opfs';

const PIECE = 8 * 2 ** 20;
/** A file this young may belong to a project that is about to be saved. */
const SWEEP_AFTER_MS = 24 * 3600 * 1000;
/** A download that stopped half-way can be gone on with for a week. */
const SWEEP_PARTS_AFTER_MS = 7 * SWEEP_AFTER_MS;

/**
 * Copies `blob` in and gives its path. `onProgress` is told the bytes written. Rejects with `StorageFullError`, or
 * with the signal's reason; then nothing is left.
 */
export async function storeFile(
  name: string,
  blob: Blob,
  onProgress?: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<string> {
  await refuseWithoutRoom(name, blob.size);
  const folder = await models();
  const attempt = () => write(folder, name, blob, onProgress, signal);
  try {
    // Seen in Chromium while the room changed: a write aborted by nobody, a broken pipe. The second one says what it is.
    const leaf = await attempt().catch((error: unknown) => {
      if (signal?.aborted || error instanceof StorageError) throw error;
      return attempt();
    });
    return `${FOLDER}/${leaf}`;
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw await failedWrite(name, blob.size, error);
  }
}

/** The whole file, or nothing: then it rejects with what the browser or the signal gave. */
async function write(
  folder: FileSystemDirectoryHandle,
  name: string,
  blob: Blob,
  onProgress?: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<string> {
  const leaf = newLeaf(name);
  let to: FileSystemWritableFileStream | undefined;
  try {
    const handle = await folder.getFileHandle(leaf, { create: true });
    to = await handle.createWritable();
    for (let at = 0; at < blob.size; at += PIECE) {
      signal?.throwIfAborted();
      const piece = blob.slice(at, Math.min(blob.size, at + PIECE));
      // Read here: of a file on disk that finds no room, Chromium says that it cannot be read.
      const bytes = await piece.arrayBuffer().catch((error: unknown) => {
        throw plainError('unreadable', { file: name, reason: reasonOf(error) }, error);
      });
      await to.write(bytes);
      onProgress?.(at + piece.size);
    }
    signal?.throwIfAborted();
    await to.close();
    return leaf;
  } catch (error) {
    await to?.abort().catch(() => undefined);
    await folder.removeEntry(leaf).catch(() => undefined);
    throw error;
  }
}

export async function openFile(path: string): Promise<File> {
  try {
    const handle = await (await models()).getFileHandle(leafOf(path));
    return await handle.getFile();
  } catch (error) {
    throw plainError('gone', { file: leafOf(path) }, error);
  }
}

/**
 * Deletes what a crash left half written, old files that no project and no captioner uses, and old parts. Gives how
 * many. Latents of projects that are no more go too.
 */
export async function sweepOrphans(now = Date.now()): Promise<number> {
  const projects = await listProjects();
  if (await hasFolder('latents')) {
    const { sweepLatents } = await import('./latents');
    await sweepLatents(new Set(projects.map(({ id }) => id)), now);
  }
  const folder = await models().catch(() => undefined);
  if (!folder) return 0;
  const captioners = await listCaptioners();
  const used = new Set([
    ...projects.flatMap(storedPaths),
    ...captioners.flatMap(({ files }) => files.map(({ path }) => path)),
  ]);
  const begun = await begunDownloads();
  const there = new Set<string>();
  let swept = 0;
  for await (const [leaf, entry] of folder.entries()) {
    there.add(leaf);
    if (entry.kind !== 'file' || used.has(`${FOLDER}/${leaf}`)) continue;
    const part = begun.find(({ path }) => leafOf(path) === leaf);
    // What is being written now, here or in another tab, is refused or young.
    const patience = part ? SWEEP_PARTS_AFTER_MS : SWEEP_AFTER_MS;
    if (now - (await fileOf(entry)).lastModified < patience) continue;
    const gone = await folder.removeEntry(leaf).then(
      () => true,
      () => false,
    );
    if (gone) there.delete(leaf);
    if (gone) swept++;
  }
  for (const { address, path } of begun) if (!there.has(leafOf(path))) await dropBegun(address);
  return swept;
}
