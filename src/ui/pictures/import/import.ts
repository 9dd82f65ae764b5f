/**
 * An import: sorts what came in, reads the pictures off the main thread, tells copies apart, and stores them in batches,
 * each picture with its file in one transaction. The page is told after it is stored; it stays free between batches.
 */
import type { Dataset as FoundSet } from '../../../formats/dataset/dataset';
import { nameOf } from '../../../formats/dataset/kinds';
import { UniqueNames } from '../../../formats/dataset/names';
import { pairCaptions } from '../../../formats/dataset/pairing';
import { pictureLimits } from '../../../formats/dataset/refusal';
import { chooseCaption } from '../../../formats/dataset/two_sources';
import type { PictureReading } from '../../../protocol/pictures';
import { putNewPictures, type NewPicture, type Picture } from '../../../storage/pictures';
import type { Change } from '../changes';
import { bestKept } from '../copies';
import { inOrder } from './in_order';
import type { Incoming } from './incoming';
import { Likeness } from './likeness';
import { grouped, unopened, type Outcome, type Reject } from './outcome';
import type { Pool } from '../../engine/pool';
import type { Ask } from './questions';
import { sortIncoming, type PictureToRead, type Sorted } from './sorted';

export interface Into {
  project: string;
  pool: Pool;
  signal: AbortSignal;
  /** The project's pictures as they are now. */
  present(): readonly Picture[];
  /** They are stored. */
  added(pictures: Picture[]): void;
  /** Captions and repeats for pictures that were there before. */
  changed(changes: ReadonlyMap<string, Change>): void;
  progress(done: number, total: number): void;
  ask: Ask;
  config?: (file: File) => void;
}

/** What is stored at a time, and shown: more where there are many, for the page works on all of them each time. */
const BATCH = { least: 32, most: 256, share: 1 / 32 };
const BATCH_MS = { least: 250, each: 0.2 };
const PROGRESS_MS = 250;

export async function importPictures(incoming: readonly Incoming[], into: Into): Promise<Outcome> {
  const sorted = await sortIncoming(incoming, into.config !== undefined, into.ask);
  const one = new Import(into, sorted);
  if (!sorted) return { ...one.outcome(), stopped: { by: 'person' } };
  await one.configs(sorted.configs);
  await one.pictures(sorted.pictures);
  one.copies();
  await one.captions(sorted.alone);
  one.change();
  return one.outcome();
}

class Import {
  readonly #before: readonly Picture[];
  readonly #there: ReadonlySet<Picture>;
  readonly #likeness: Likeness<Picture>;
  readonly #names: UniqueNames;
  readonly #changes = new Map<string, Change>();
  readonly #rejects: Reject[];
  readonly #counts = { added: 0, duplicates: 0, nearDuplicates: 0, already: 0, captioned: 0, configs: 0 };
  #order: number;
  readonly #added = new Set<string>();
  #batch: NewPicture[] = [];
  #stopped: Outcome['stopped'];

  constructor(
    readonly into: Into,
    readonly sorted: Sorted | undefined,
  ) {
    this.#rejects = [...(sorted?.rejects ?? [])];
    this.#before = into.present();
    this.#there = new Set(this.#before);
    this.#likeness = new Likeness(this.#before);
    this.#names = new UniqueNames(this.#before.map(({ name }) => name));
    this.#order = this.#before.reduce((last, { order }) => Math.max(last, order), 0);
  }

  async configs(configs: readonly Incoming[]): Promise<void> {
    for (const { path, open } of configs) {
      try {
        this.into.config?.(new File([await open()], nameOf(path)));
        this.#counts.configs++;
      } catch (error) {
        this.#rejects.push(unopened(path, error));
      }
    }
  }

  async pictures(files: readonly PictureToRead[]): Promise<void> {
    const { pool, signal, progress } = this.into;
    const batch = Math.min(BATCH.most, Math.max(BATCH.least, files.length * BATCH.share));
    const batchMs = Math.max(BATCH_MS.least, files.length * BATCH_MS.each);
    let [stored, told] = [performance.now(), performance.now()];
    let done = 0;
    progress(done, files.length);
    try {
      for await (const read of inOrder(files, pool.atATime, (file) => this.#read(file))) {
        if (signal.aborted) break;
        done++;
        this.#take(read);
        if (this.#batch.length >= batch || performance.now() - stored >= batchMs) {
          await this.#store();
          stored = performance.now();
        } else if (performance.now() - told < PROGRESS_MS) continue;
        progress(done, files.length);
        told = performance.now();
      }
      await this.#store();
      if (signal.aborted) this.#stopped = { by: 'person' };
    } catch (error) {
      this.#stopped = { by: 'error', error: error instanceof Error ? error : new Error(String(error)) };
    }
    progress(done, files.length);
  }

  /** Those that no new picture took, for the pictures that were there before. */
  async captions(alone: FoundSet['alone']): Promise<void> {
    const byName = new Map(this.#before.map(({ id, name }) => [name, id]));
    const paired = await pairCaptions([...byName.keys()], alone.sidecars, alone.tables);
    for (const [name, sources] of paired.sources) {
      const caption = chooseCaption(name, sources, {}, '')?.text;
      if (caption !== undefined) this.#change(byName.get(name), { caption });
    }
    const rows = paired.tables.flatMap((table) => table.rows.map(({ file }) => file));
    for (const path of [...paired.sidecars.map((each) => each.path), ...rows]) {
      this.#rejects.push({ path, reason: 'caption-alone' });
    }
  }

  /** Of new pictures that are copies of one another the best is used; what was there before does not give way unasked. */
  copies(): void {
    const changes = bestKept(this.into.present(), ({ id }) => this.#added.has(id));
    for (const [id, change] of changes) this.#change(id, change);
  }

  change(): void {
    if (this.#changes.size > 0) this.into.changed(this.#changes);
  }

  outcome(): Outcome {
    return {
      ...this.#counts,
      notes: this.sorted?.notes ?? [],
      ...(this.sorted?.trigger && { trigger: this.sorted.trigger }),
      rejects: grouped(this.#rejects),
      ...(this.#stopped && { stopped: this.#stopped }),
    };
  }

  async #read(picture: PictureToRead): Promise<Read> {
    if (this.into.signal.aborted) return { picture, reject: { path: picture.path, reason: 'unreadable' } };
    if ((picture.from.size ?? 0) > pictureLimits.maxBytes)
      return { picture, reject: { path: picture.path, reason: 'too-large' } };
    let file: Blob;
    try {
      file = await picture.from.open();
    } catch (error) {
      return { picture, reject: unopened(picture.path, error) };
    }
    return { picture, file, reading: await this.into.pool.read(file) };
  }

  #take(read: Read): void {
    const { path, caption, captionFrom, repeats, subset } = read.picture;
    if (!('reading' in read)) return void this.#rejects.push(read.reject);
    const { file, reading } = read;
    if (!reading.ok) return void this.#rejects.push({ path, reason: reading.refusal });
    const { thumbnail, ...facts } = reading.facts;
    const twin = this.#likeness.twin(facts);
    if (twin?.as === 'duplicate' && isNameOf(twin.of.name, nameOf(path)) && this.#there.has(twin.of)) {
      this.#counts.already++;
      // Class words stand in where there is no caption, and there may be one.
      if (captionFrom !== undefined) this.#change(twin.of.id, { caption });
      if (subset !== '') this.#change(twin.of.id, { repeats });
      return;
    }
    const picture: Picture = {
      id: crypto.randomUUID(),
      project: this.into.project,
      order: ++this.#order,
      name: this.#names.take(nameOf(path)),
      ...facts,
      byteLength: file.size,
      caption,
      repeats,
      focus: [0.5, 0.5],
      ...(twin && { aside: twin.as }),
    };
    this.#likeness.add(picture);
    if (captionFrom !== undefined) this.#counts.captioned++;
    this.#batch.push({ picture, file: typed(file, facts.type), thumbnail });
  }

  async #store(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    if (batch.length === 0) return;
    await putNewPictures(batch);
    const pictures = batch.map(({ picture }) => picture);
    for (const { id } of pictures) this.#added.add(id);
    this.#counts.added += pictures.length;
    this.#counts.duplicates += pictures.filter(({ aside }) => aside === 'duplicate').length;
    this.#counts.nearDuplicates += pictures.filter(({ aside }) => aside === 'near-duplicate').length;
    this.into.added(pictures);
  }

  #change(id: string | undefined, change: Change): void {
    if (id === undefined) return;
    const fields = this.#changes.get(id);
    if (change.caption !== undefined && fields?.caption === undefined) this.#counts.captioned++;
    this.#changes.set(id, { ...fields, ...change });
  }
}

type Read =
  | { picture: PictureToRead; reject: Reject }
  | { picture: PictureToRead; file: Blob; reading: PictureReading };

/** Whether a picture got the name `given` when it came in: "1-2.png" was "1.png". */
function isNameOf(name: string, given: string): boolean {
  return name === given || name.replace(/-\d+(?=\.[^.]*$|$)/, '') === given;
}

function typed(file: Blob, type: string): Blob {
  return file.type === type ? file : file.slice(0, file.size, type);
}
