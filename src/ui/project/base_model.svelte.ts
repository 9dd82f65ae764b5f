/**
 * Choosing the base model: recognise what was given, remember where it lies (by file handle where the browser has
 * them, else by a copy in its private files, which of a large model is only made when it is asked for), and say what is
 * wrong with what cannot be used.
 */
import type { Download } from '../../protocol/downloader';
import { deleteFile, openFile, storeFile } from '../../storage/files';
import type { Lineage, Prediction } from '../../formats/families/family_facts';
import type { BaseModelRef } from '../../storage/projects';
import { studio } from '../studio.svelte';
import type { Chosen } from './choose_files';
import { BaseModelUnreadable } from '../base_unreadable';
import { DEMO_BASE, openBase } from '../engine/open_base';
import { keepForVisit } from '../engine/visit_files';
import type { Recognised } from './recognise';
import { sentenceOf } from '../sentence';
import { plainFacts, type FamilyName } from '../../formats/families/plain';

export type Choosing =
  | { readonly state: 'idle' }
  | { readonly state: 'checking'; readonly name: string }
  | { readonly state: 'copying'; readonly name: string; readonly done: number; readonly total: number }
  | {
      readonly state: 'refused';
      readonly refused: Extract<Recognised, { fits: false }>;
      /** What was given, where it is still at hand. */
      readonly given?: Chosen;
    }
  | { readonly state: 'failed'; readonly sentence: string };

/** Whether the project's base model can be read right now. */
export type Readable = 'unknown' | 'yes' | BaseModelUnreadable['reason'];

/** What a project remembers its base model as; in both languages alike. */
const titleOf = (family: FamilyName) => plainFacts[family].title.en;

const refOf = ({ family, marks }: Extract<Recognised, { fits: true }>) => ({
  kind: titleOf(family),
  ...(Object.keys(marks).length > 0 ? { marks } : {}),
});

/**
 * Bytes that are copied without being asked about, where a file cannot be remembered otherwise: Stable Diffusion 1.5 in
 * halves has 2.1 GB, SDXL 6.9.
 */
const COPIED_UNASKED = 3e9;

/** Comes with the first file that is chosen. */
const recognising = () => import('./recognise');

class BaseModelChoice {
  choosing: Choosing = $state.raw({ state: 'idle' });
  readable: Readable = $state('unknown');
  #copy: AbortController | undefined;

  /** `handles` where the browser gave them with the files, in the same order. */
  async choose(files: readonly File[], handles?: readonly FileSystemFileHandle[]): Promise<void> {
    if (files.length === 0) return;
    this.cancel();
    this.choosing = { state: 'checking', name: files[0].name };
    const recognised = await (await recognising()).recogniseBase(files);
    if (!recognised.fits) {
      this.choosing = {
        state: 'refused',
        refused: recognised,
        given: { files, ...(handles ? { handles } : {}) },
      };
      return;
    }
    const picked = recognised.files;
    const handled = handles && picked.map((file) => handles[files.indexOf(file)]);
    const byteLength = picked.reduce((sum, { size }) => sum + size, 0);
    try {
      const where: BaseModelRef['where'] = handled?.every((each) => each !== undefined)
        ? { in: 'handle', handles: handled }
        : byteLength > COPIED_UNASKED
          ? { in: 'visit', key: keepForVisit(picked), count: picked.length }
          : { in: 'stored', paths: await this.#store(picked, byteLength) };
      this.#take({ name: recognised.name, byteLength, ...refOf(recognised), where });
    } catch (error) {
      this.#notCopied(error);
    }
  }

  /** Copies the model in use into the browser, because the person asked for it: from a click. */
  async keepCopy(): Promise<void> {
    const { base, id } = studio.project;
    if (!base || base.where.in === 'demo' || base.where.in === 'stored') return;
    this.cancel();
    try {
      // Files, as both kinds of places give them.
      const files = (await openBase(base, true)).filter((each) => each instanceof File);
      this.#take({ ...base, where: { in: 'stored', paths: await this.#store(files, base.byteLength) } }, id);
    } catch (error) {
      this.#notCopied(error);
    }
  }

  #notCopied(error: unknown): void {
    if (error instanceof DOMException && error.name === 'AbortError') this.choosing = { state: 'idle' };
    else this.choosing = { state: 'failed', sentence: sentenceOf(error) };
  }

  /**
   * A VAE of its own, for a checkpoint that was just refused because it has none, or in place of the one in use. From a
   * click: files in use may have to be asked for again.
   */
  async chooseVae(vae: Chosen): Promise<void> {
    const { choosing } = this;
    const to = choosing.state === 'refused' && choosing.given ? choosing.given : await this.#inUse();
    if (!to) return;
    const old = to.files.length > 1 ? await (await recognising()).vaesAmong(to.files) : [];
    const kept = to.files.flatMap((file, index) => (old.includes(file) ? [] : [index]));
    const { handles } = to;
    const files = [...kept.map((index) => to.files[index]), ...vae.files];
    if (handles && vae.handles)
      await this.choose(files, [...kept.map((index) => handles[index]), ...vae.handles]);
    else await this.choose(files);
  }

  async #inUse(): Promise<Chosen | undefined> {
    const { base } = studio.project;
    if (!base || base.where.in === 'demo') return undefined;
    try {
      const blobs = await openBase(base, true);
      const stored = base.where.in === 'stored';
      const files = blobs.map((blob, index) => new File([blob], nameOf(blob, stored, base.name, index)));
      return { files, ...(base.where.in === 'handle' ? { handles: base.where.handles } : {}) };
    } catch (error) {
      this.choosing = { state: 'failed', sentence: sentenceOf(error) };
      return undefined;
    }
  }

  /** The small model that comes with the studio. */
  async useDemo(): Promise<void> {
    this.cancel();
    this.choosing = { state: 'checking', name: DEMO_BASE };
    try {
      const [file] = await openBase({ name: '', kind: '', byteLength: 0, where: { in: 'demo' } });
      this.#take({ name: 'demo', byteLength: file.size, kind: titleOf('sd1'), where: { in: 'demo' } });
    } catch (error) {
      this.choosing = { state: 'failed', sentence: sentenceOf(error) };
    }
  }

  /**
   * Takes a file that came from an address, for the project that asked for it, which need not be the open one any more.
   * What is no base model is deleted: nobody would find it again.
   */
  async takeDownloaded({ path, name }: Download, project: string): Promise<void> {
    this.cancel();
    this.choosing = { state: 'checking', name };
    try {
      const recognised = await (await recognising()).recogniseBase([new File([await openFile(path)], name)]);
      if (!recognised.fits) {
        await deleteFile(path);
        this.choosing = { state: 'refused', refused: recognised };
        return;
      }
      const byteLength = recognised.files[0].size;
      const where = { in: 'stored' as const, paths: [path] };
      this.#take({ name: recognised.name, byteLength, ...refOf(recognised), where }, project);
    } catch (error) {
      this.choosing = { state: 'failed', sentence: sentenceOf(error) };
    }
  }

  /** What the person says that the base model was trained from; undefined takes it back. */
  say(lineage: Lineage | undefined): void {
    const { base } = studio.project;
    if (!base) return;
    const marks = { ...base.marks };
    delete marks.lineage;
    studio.change({ base: { ...base, marks: { ...marks, ...(lineage ? { lineage } : {}) } } });
  }

  /** What the person says that the base model predicts, where its files do not. */
  sayPrediction(prediction: Prediction): void {
    const { base } = studio.project;
    if (base)
      studio.change({ base: { ...base, marks: { ...base.marks, prediction, predictionAsked: true } } });
  }

  /** Stops a copy under way. */
  cancel(): void {
    this.#copy?.abort();
    this.#copy = undefined;
  }

  dismiss(): void {
    this.choosing = { state: 'idle' };
  }

  /** Looks whether the project's model can be read; `ask` from a click, so that the browser may ask the person. */
  async look(ask = false): Promise<void> {
    const { base } = studio.project;
    this.readable = 'unknown';
    if (!base || base.where.in === 'demo') return;
    const readable = await openBase(base, ask).then(
      (): Readable => 'yes',
      (error: unknown) => (error instanceof BaseModelUnreadable ? error.reason : 'moved'),
    );
    if (studio.project.base === base) this.readable = readable;
  }

  async #store(files: readonly File[], total: number): Promise<string[]> {
    const copy = (this.#copy = new AbortController());
    const paths: string[] = [];
    let before = 0;
    try {
      for (const file of files) {
        const progress = (bytes: number) => {
          this.choosing = { state: 'copying', name: file.name, done: before + bytes, total };
        };
        progress(0);
        paths.push(await storeFile(file.name, file, progress, copy.signal));
        before += file.size;
      }
      return paths;
    } catch (error) {
      await Promise.all(paths.map((path) => deleteFile(path).catch(() => undefined)));
      throw error;
    } finally {
      this.#copy = undefined;
    }
  }

  #take(base: BaseModelRef, project = studio.project.id): void {
    const before = studio.projects.find(({ id }) => id === project)?.base;
    void studio.changeIn(project, { base });
    this.choosing = { state: 'idle' };
    if (project === studio.project.id) this.readable = 'yes';
    if (before?.where.in === 'stored') void dropUnused(before.where.paths);
  }
}

export const baseModel = new BaseModelChoice();

/** Files in the browser's own folder have made-up names. */
function nameOf(blob: Blob, stored: boolean, base: string, index: number): string {
  if (blob instanceof File && !stored) return blob.name;
  return index === 0 ? `${base}.safetensors` : `${base}-${index + 1}.safetensors`;
}

/** A copy that no other project uses is gigabytes for nothing. */
async function dropUnused(paths: readonly string[]): Promise<void> {
  const used = new Set(
    studio.projects.flatMap(({ base }) => (base?.where.in === 'stored' ? base.where.paths : [])),
  );
  await Promise.all(paths.filter((path) => !used.has(path)).map((path) => deleteFile(path)));
}
