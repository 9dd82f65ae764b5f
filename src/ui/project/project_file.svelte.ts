/**
 * Saves the open project to a file, and opens such a file as a new project. What is in the file is decided in
 * formats/project_file.ts, which is fetched when first needed.
 */
import * as Comlink from 'comlink';
import type { ListedPicture } from '../../formats/reading/project_reading';
import { getImage } from '../../storage/pictures';
import type { Picture } from '../../storage/pictures';
import { PictureMissingError } from '../picture_missing';
import { dataset } from '../pictures/dataset.svelte';
import { withReader } from '../engine/reader';
import { saveAs } from '../save_as';
import { sentenceOf } from '../sentence';
import { baseModel } from './base_model.svelte';
import { studio } from '../studio.svelte';
import { nextName } from '../next_name';

export type ProjectFileState =
  | { readonly state: 'idle' }
  | { readonly state: 'asked' }
  | { readonly state: 'packing'; readonly done: number; readonly total: number }
  | { readonly state: 'failed'; readonly at: 'save' | 'open'; readonly sentence: string };

class ProjectFileTransfer {
  now: ProjectFileState = $state.raw({ state: 'idle' });

  /** Says what will be in the file, and asks. */
  ask(): void {
    if (this.now.state !== 'packing') this.now = { state: 'asked' };
  }

  async save(): Promise<void> {
    if (this.now.state === 'packing') return;
    const { project } = studio;
    const pictures = dataset.pictures;
    const total = pictures.length;
    this.now = { state: 'packing', done: 0, total };
    try {
      await dataset.flush();
      const { writeProject } = await import('../../formats/zip/project_file');
      const { name, purpose, trigger, settings, captions, base, baseWanted } = project;
      const { model, ...proposing } = captions ?? {};
      const file = await writeProject(
        {
          name,
          purpose,
          trigger,
          settings,
          captions: { ...proposing, ...(model === 'demo' && { model }) },
          ...(base
            ? { base: { name: base.name, demo: base.where.in === 'demo' } }
            : baseWanted !== undefined && { base: { name: baseWanted, demo: false } }),
        },
        pictures,
        fileOf,
        (done) => (this.now = { state: 'packing', done, total }),
      );
      saveAs(file, `${name}.zip`);
      this.now = { state: 'idle' };
    } catch (error) {
      this.now = { state: 'failed', at: 'save', sentence: sentenceOf(error) };
    }
  }

  /** Opens `file` if it is a project; otherwise says that it is none. */
  async open(file: File | undefined): Promise<void> {
    if (!file) return;
    try {
      const { withFiles } = await import('../../formats/reading/project_reading');
      const listed: ListedPicture[] = [];
      const take = Comlink.proxy((part: readonly ListedPicture[]) => void listed.push(...part));
      const { project, missing } = await withReader(async (reader) => reader.project(file, take));
      const pictures = await withFiles(file, listed);
      const names = studio.projects.map(({ name }) => name);
      await studio.create(nextName(project.name, names));
      const { purpose, trigger, settings, captions, base } = project;
      studio.change({
        purpose,
        trigger,
        settings,
        ...(captions && { captions }),
        ...(base && !base.demo && { baseWanted: base.name }),
      });
      await dataset.load(studio.project.id);
      studio.go('images');
      if (base?.demo) await baseModel.useDemo();
      await dataset.restore(pictures, missing);
    } catch (error) {
      this.now = { state: 'failed', at: 'open', sentence: sentenceOf(error) };
    }
  }

  /** The same for a zip of which nobody said what it is: false if it is no project, and then nothing happened. */
  async take(file: File): Promise<boolean> {
    if (!(await withReader((reader) => reader.isProject(file)))) return false;
    await this.open(file);
    return true;
  }

  dismiss(): void {
    this.now = { state: 'idle' };
  }
}

export const projectFile = new ProjectFileTransfer();

async function fileOf({ id, name }: Picture): Promise<Blob> {
  const file = await getImage(id);
  if (file) return file;
  throw new PictureMissingError(name);
}
