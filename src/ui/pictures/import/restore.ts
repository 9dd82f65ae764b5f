/**
 * Pictures of a project file, back into a project: each is read anew (size, look and digest are never taken from the
 * file), and gets the caption, repeats, crop and place that a person had given it.
 */
import type { PictureInFile } from '../../../formats/zip/project_file';
import { UniqueNames } from '../../../formats/dataset/names';
import { putNewPictures, type NewPicture } from '../../../storage/pictures';
import type { Into } from './import';
import { inOrder } from './in_order';
import { grouped, unopened, type Outcome, type Reject } from './outcome';
import type { Pool } from '../../engine/pool';

const BATCH = 16;

export async function restorePictures(
  saved: readonly PictureInFile[],
  missing: readonly string[],
  into: Pick<Into, 'project' | 'pool' | 'signal' | 'added' | 'progress'>,
): Promise<Outcome> {
  const { signal, progress, pool } = into;
  const rejects: Reject[] = missing.map((path) => ({ path, reason: 'unreadable' }));
  const outcome = { added: 0, duplicates: 0, nearDuplicates: 0, already: 0, captioned: 0, configs: 0 };
  let stopped: Outcome['stopped'];
  let batch: NewPicture[] = [];
  let done = 0;
  const names = new UniqueNames();
  const store = async () => {
    const stored = batch;
    batch = [];
    if (stored.length === 0) return;
    await putNewPictures(stored);
    outcome.added += stored.length;
    outcome.captioned += stored.filter(({ picture }) => picture.caption !== '').length;
    into.added(stored.map(({ picture }) => picture));
    progress(done, saved.length);
  };
  progress(0, saved.length);
  try {
    for await (const read of inOrder(saved, pool.atATime, (picture) => readOne(picture, pool, signal))) {
      if (signal.aborted) break;
      done++;
      if ('reason' in read) rejects.push(read);
      else {
        const { picture, facts, file } = read;
        const { thumbnail, ...found } = facts;
        batch.push({
          picture: {
            id: crypto.randomUUID(),
            project: into.project,
            order: done,
            name: names.take(picture.name),
            ...found,
            byteLength: file.size,
            caption: picture.caption,
            repeats: picture.repeats,
            focus: picture.focus,
            ...(picture.aside && { aside: picture.aside }),
          },
          file: file.slice(0, file.size, found.type),
          thumbnail,
        });
      }
      if (batch.length >= BATCH) await store();
    }
    await store();
    if (signal.aborted) stopped = { by: 'person' };
  } catch (error) {
    stopped = { by: 'error', error: error instanceof Error ? error : new Error(String(error)) };
  }
  progress(done, saved.length);
  return { ...outcome, notes: [], rejects: grouped(rejects), ...(stopped && { stopped }) };
}

interface Read {
  picture: PictureInFile;
  file: Blob;
  facts: Extract<Awaited<ReturnType<Pool['read']>>, { ok: true }>['facts'];
}

async function readOne(picture: PictureInFile, pool: Pool, signal: AbortSignal): Promise<Read | Reject> {
  if (signal.aborted) return { path: picture.name, reason: 'unreadable' };
  try {
    const file = await picture.open();
    const reading = await pool.read(file);
    return reading.ok
      ? { picture, file, facts: reading.facts }
      : { path: picture.name, reason: reading.refusal };
  } catch (error) {
    return unopened(picture.name, error);
  }
}
