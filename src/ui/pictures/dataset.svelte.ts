/**
 * The pictures of the open project, as every screen sees them: adding, setting aside, changing many at once with undo.
 * Files stay in storage; here are their records. How files become pictures is import/, how they leave is `export`.
 */
import { deletePictures, getImage, listPictures, type Picture } from '../../storage/pictures';
import { studio } from '../studio.svelte';
import type { PictureInFile } from '../../formats/zip/project_file';
import { withTrigger } from '../../formats/dataset/trigger';
import { applied, indexed, stepFor, without, type Change, type Changes } from './changes';
import { History } from './history.svelte';
import { demoSet, type DemoSet } from './import/demo';
import { incomingFrom, type Incoming, type Source } from './import/incoming';
import type { Outcome } from './import/outcome';
import { openPool, type Pool } from '../engine/pool';
import type { Answer, ImportQuestion } from './import/questions';
import { PictureMissingError } from '../picture_missing';
import { Unsaved } from './unsaved';
import { sentenceOf } from '../sentence';

export type { Change } from './changes';
export type { Outcome, RejectReason } from './import/outcome';

/** While `looking`, folders and zips are being listed. */
export type Adding =
  { state: 'idle' } | { state: 'looking'; found: number } | { state: 'adding'; done: number; total: number };

export class Dataset {
  /** The project whose pictures these are. */
  project: string | undefined = $state.raw();
  /** In their order, those set aside included. */
  pictures: Picture[] = $state.raw([]);
  /** What is trained on. */
  readonly used: Picture[] = $derived(this.pictures.filter(({ aside }) => aside === undefined));
  readonly setAsides: Picture[] = $derived(this.pictures.filter(({ aside }) => aside !== undefined));
  readonly byId: ReadonlyMap<string, Picture> = $derived(indexed(this.pictures));
  adding: Adding = $state.raw({ state: 'idle' });
  /** What an `add` under way asks; it goes on after `answer`. */
  asking: ImportQuestion | undefined = $state.raw();
  /** What became of the files of the last `add`. */
  outcome: Outcome | undefined = $state.raw();
  /** Why changes could not be saved, if they could not. */
  trouble: string | undefined = $state.raw();

  readonly #history = new History();
  readonly #unsaved = new Unsaved((sentence) => (this.trouble = sentence));
  readonly #pool: () => Pool;
  #adds: Promise<unknown> = Promise.resolve();
  #loads = 0;
  #abort = new AbortController();
  #answered: ((answer?: Answer) => void) | undefined;

  /** `readOnly`: another tab has the project; then nothing here changes. */
  constructor(
    readonly readOnly: () => boolean,
    readonly trigger: () => string,
    pool: () => Pool = openPool,
  ) {
    this.#pool = pool;
  }

  get canUndo(): boolean {
    return this.#history.canUndo;
  }

  get canRedo(): boolean {
    return this.#history.canRedo;
  }

  /** Shows the pictures of another project. What was changed in this one is saved first; an `add` under way ends. */
  async load(project: string): Promise<void> {
    // Another may be asked for before this one is read.
    const load = ++this.#loads;
    this.cancel();
    await this.flush();
    if (load !== this.#loads) return;
    this.project = project;
    this.pictures = [];
    this.outcome = undefined;
    this.#history.clear();
    const pictures = await listPictures(project);
    if (load === this.#loads) this.pictures = pictures;
  }

  /**
   * Adds what was dropped, chosen or pasted: pictures, captions for new and for present ones, folders, zips. YAML, TOML
   * and JSON files are handed to `onConfig`. Call it straight from the event: a DataTransfer is empty afterwards.
   */
  add(source: Source, onConfig?: (file: File) => void): Promise<Outcome | undefined> {
    const listed = incomingFrom(source, (found) => this.#looking(found));
    listed.catch(() => undefined);
    return this.#enqueue(async (project, signal) => this.#add(await listed, project, signal, onConfig));
  }

  /** Adds a demo set of our own origin, by the same way. Rejects with a sentence if it cannot be fetched. */
  async addDemoSet(name: string): Promise<DemoSet> {
    const { set, incoming } = await demoSet(name);
    await this.#enqueue((project, signal) => this.#add(incoming, project, signal));
    return set;
  }

  /** Takes the pictures of a project file into this project, as they were saved; `missing` are told with what failed. */
  restore(pictures: readonly PictureInFile[], missing: readonly string[] = []): Promise<Outcome | undefined> {
    return this.#enqueue((project, signal) =>
      this.#importing(project, async (pool) =>
        (await import('./import/restore')).restorePictures(pictures, missing, {
          project,
          pool,
          signal,
          added: (added) => this.#show(project, added),
          progress: (done, total) => (this.adding = { state: 'adding', done, total }),
        }),
      ),
    );
  }

  /** Ends adding; what was added stays. */
  cancel(): void {
    this.answer();
    this.#abort.abort();
    this.#abort = new AbortController();
  }

  /** Of the question asked; without an answer the `add` ends. */
  answer(answer?: Answer): void {
    this.asking = undefined;
    this.#answered?.(answer);
    this.#answered = undefined;
  }

  /** Deletes pictures and their files for good. Setting aside is the way that can be undone. */
  async remove(ids: Iterable<string>): Promise<void> {
    const gone = [...ids];
    const { project } = this;
    if (project === undefined || gone.length === 0 || this.readOnly()) return;
    this.pictures = without(this.pictures, gone);
    this.#unsaved.forget(gone);
    try {
      await deletePictures(project, gone);
    } catch (error) {
      this.trouble = sentenceOf(error);
    }
  }

  setAside(ids: Iterable<string>): void {
    this.change(ids, ({ aside }) => ({ aside: aside ?? 'by-hand' }));
  }

  bringBack(ids: Iterable<string>): void {
    this.change(ids, { aside: undefined });
  }

  /**
   * Changes pictures as one step that can be undone; gives how many. Consecutive changes with the same `together` are
   * one step (a caption being typed, a crop being dragged), until `settle`.
   */
  change(
    ids: Iterable<string>,
    how: Change | ((picture: Picture) => Change | undefined),
    together?: string,
  ): number {
    const { byId } = this;
    const chosen = this.readOnly() ? [] : [...ids].flatMap((id) => byId.get(id) ?? []);
    const step = stepFor(chosen, how);
    if (!step) return 0;
    this.#history.add(step, together);
    this.#apply(step.after);
    return step.after.size;
  }

  settle(): void {
    this.#history.settle();
  }

  /** Gives the pictures concerned, to be shown. */
  undo(): string[] {
    return this.readOnly() ? [] : this.#apply(this.#history.undo());
  }

  redo(): string[] {
    return this.readOnly() ? [] : this.#apply(this.#history.redo());
  }

  /** Resolves when every change is in storage. */
  flush(): Promise<void> {
    return this.#unsaved.flush();
  }

  /** The pictures used, with metadata.csv and a .txt each; repeats as kohya's folders. */
  async exportZip(onProgress?: (done: number) => void): Promise<Blob> {
    const { zipOf } = await import('./export');
    return zipOf(this.#asTrained(), ({ id, name }) => fileOf(id, name), onProgress);
  }

  async exportMetadataCsv(): Promise<string> {
    const { metadataCsv } = await import('./export');
    return metadataCsv(this.#asTrained());
  }

  /** What other trainers get reads as what ours trains on. */
  #asTrained(): Picture[] {
    const trigger = this.trigger();
    return this.used.map((picture) => ({ ...picture, caption: withTrigger(picture.caption, trigger) }));
  }

  #looking(found: number): void {
    if (this.adding.state !== 'adding') this.adding = { state: 'looking', found };
  }

  /** One `add` after the other: what the second finds depends on what the first brought. */
  #enqueue(
    work: (project: string, signal: AbortSignal) => Promise<Outcome | undefined>,
  ): Promise<Outcome | undefined> {
    const { project } = this;
    const { signal } = this.#abort;
    const run = this.#adds.then(() =>
      project === undefined || signal.aborted || this.readOnly() ? undefined : work(project, signal),
    );
    this.#adds = run.catch(() => undefined);
    return run.finally(() => (this.adding = { state: 'idle' }));
  }

  async #add(
    incoming: Incoming[],
    project: string,
    signal: AbortSignal,
    config?: (file: File) => void,
  ): Promise<Outcome | undefined> {
    // Listing may have taken a while.
    if (signal.aborted || this.readOnly()) return undefined;
    return this.#importing(project, async (pool) =>
      (await import('./import/import')).importPictures(incoming, {
        project,
        pool,
        signal,
        present: () => this.pictures,
        added: (pictures) => this.#show(project, pictures),
        changed: (changes) => void this.change(changes.keys(), ({ id }) => changes.get(id)),
        progress: (done, total) => (this.adding = { state: 'adding', done, total }),
        ask: (question) =>
          new Promise((resolve) => {
            this.#answered = resolve;
            this.asking = signal.aborted ? undefined : question;
            if (signal.aborted) this.answer();
          }),
        config,
      }),
    );
  }

  async #importing(project: string, work: (pool: Pool) => Promise<Outcome>): Promise<Outcome> {
    const pool = this.#pool();
    try {
      const outcome = await work(pool);
      if (this.project === project) this.outcome = outcome;
      return outcome;
    } finally {
      pool.close();
    }
  }

  #show(project: string, added: readonly Picture[]): void {
    if (this.project === project) this.pictures = [...this.pictures, ...added];
  }

  #apply(changes: Changes | undefined): string[] {
    if (!changes) return [];
    const { pictures, changed } = applied(this.pictures, changes);
    this.pictures = pictures;
    this.#unsaved.add(changed);
    return changed.map(({ id }) => id);
  }
}

export const dataset = new Dataset(
  () => studio.readOnly,
  () => studio.project.trigger,
);

async function fileOf(id: string, name: string): Promise<Blob> {
  const file = await getImage(id);
  if (file) return file;
  throw new PictureMissingError(name);
}
