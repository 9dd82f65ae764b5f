/**
 * The models that can propose captions: which there are, which one the project uses, adding and deleting. Files are
 * digested, then kept; the same files are kept once. Opening one is `session`.
 */
import * as Comlink from 'comlink';
import {
  captionerKey,
  deleteCaptioner,
  listCaptioners,
  putCaptioner,
  type CaptionerFile,
  type CaptionerRole,
  type StoredCaptioner,
} from '../../storage/captioners';
import { deleteFile, storeFile } from '../../storage/files';
import { sentenceOf } from '../sentence';
import { recall, remember } from '../remembered';
import { sampleSets } from '../project/sample_sets';
import { studio } from '../studio.svelte';
import { dataset } from '../pictures/dataset.svelte';
import { withReader } from '../engine/reader';
import { DEMO_MODEL } from './model_files';
import { withModel } from './project_options';

/** One file of a model that is being added: in hand, or stored already by a download. */
export type Part = { role: CaptionerRole; file: File } | CaptionerFile;

export type Adding =
  | { readonly state: 'idle' }
  | {
      readonly state: 'reading' | 'keeping';
      readonly name: string;
      readonly done: number;
      readonly total: number;
    }
  | { readonly state: 'failed'; readonly sentence: string };

class CaptionModels {
  /** Undefined until they were asked for. */
  stored: readonly StoredCaptioner[] | undefined = $state.raw();
  adding: Adding = $state.raw({ state: 'idle' });
  #remembered = $state(recall('captioner'));
  #abort: AbortController | undefined;

  /** Digests of the sample sets' pictures; undefined until they were asked for, or where they cannot be had. */
  samples: ReadonlySet<string> | undefined = $state.raw();
  #ready: Promise<void> | undefined;

  /** The demo's CLIP knows the sample sets' pictures: it is offered for these alone. */
  readonly demoFits: boolean = $derived.by(() => {
    const { samples } = this;
    const { used } = dataset;
    return samples !== undefined && used.length > 0 && used.every(({ digest }) => samples.has(digest));
  });

  /** Key of the project's model; undefined if none was chosen or it is gone. */
  readonly chosen: string | undefined = $derived.by(() => {
    const model = studio.project.captions?.model;
    if (this.demoFits && (model === undefined || model === DEMO_MODEL)) return DEMO_MODEL;
    const key = model === undefined || model === DEMO_MODEL ? this.#remembered : model;
    return this.stored?.some((each) => each.key === key) ? key : undefined;
  });

  async ask(): Promise<void> {
    const samples = this.samples ? undefined : sampleSets().catch(() => undefined);
    this.stored = await listCaptioners().catch(() => []);
    const sets = await samples;
    if (sets) this.samples = new Set(sets.flatMap(({ digests }) => digests));
  }

  /** Resolves when it is known which model is chosen. */
  ready(): Promise<void> {
    return (this.#ready ??= this.ask());
  }

  choose(key: string): void {
    studio.change({ captions: withModel(studio.project.captions, key) });
    // The demo's knows the demo's pictures only: no choice for other projects.
    if (key !== DEMO_MODEL) this.#keepInMind(key);
  }

  /** Keeps a model and chooses it. Gives its key; undefined if that failed or was cancelled. */
  async add(
    kind: StoredCaptioner['kind'],
    name: string,
    parts: readonly Part[],
  ): Promise<string | undefined> {
    const abort = (this.#abort = new AbortController());
    const project = studio.project.id;
    const kept: string[] = [];
    try {
      const files: CaptionerFile[] = [];
      const digests = await this.#digests(parts, abort.signal);
      const key = captionerKey(parts.map(({ role }, index) => ({ role, sha256: digests[index] })));
      const known = this.stored?.find((each) => each.key === key);
      for (const [index, part] of parts.entries()) {
        if ('path' in part) kept.push(part.path);
        if (known) continue;
        const file =
          'path' in part ? part : await this.#keep(part.role, part.file, digests[index], abort.signal);
        if (!('path' in part)) kept.push(file.path);
        files.push(file);
      }
      const own = known?.files.map(({ path }) => path);
      if (own) await Promise.all(kept.filter((path) => !own.includes(path)).map(deleteFile));
      else await putCaptioner({ key, kind, name, files, addedAt: Date.now() });
      await this.ask();
      // A download may end when another project is open.
      if (studio.project.id === project) this.choose(key);
      else this.#keepInMind(key);
      this.adding = { state: 'idle' };
      return key;
    } catch (error) {
      await Promise.all(kept.map((path) => deleteFile(path).catch(() => undefined)));
      this.adding = abort.signal.aborted
        ? { state: 'idle' }
        : { state: 'failed', sentence: sentenceOf(error) };
      return undefined;
    }
  }

  cancel(): void {
    this.#abort?.abort();
  }

  async remove(captioner: StoredCaptioner): Promise<void> {
    await deleteCaptioner(captioner);
    await this.ask();
  }

  #keepInMind(key: string): void {
    remember('captioner', key);
    this.#remembered = key;
  }

  /** Of downloads they are known. */
  async #digests(parts: readonly Part[], signal: AbortSignal): Promise<string[]> {
    const digests: string[] = [];
    for (const part of parts) {
      if ('path' in part) digests.push(part.sha256);
      else {
        const say = Comlink.proxy(this.#say('reading', part.file));
        digests.push(await withReader((reader) => reader.digest(part.file, say), signal));
      }
    }
    return digests;
  }

  async #keep(role: CaptionerRole, file: File, sha256: string, signal: AbortSignal): Promise<CaptionerFile> {
    const path = await storeFile(file.name, file, this.#say('keeping', file), signal);
    return { role, path, name: file.name, byteLength: file.size, sha256 };
  }

  #say(state: 'reading' | 'keeping', { name, size }: File): (done: number) => void {
    return (done) => (this.adding = { state, name, done, total: size });
  }
}

export const captionModels = new CaptionModels();
