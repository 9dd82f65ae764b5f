/** Projects: a name, a purpose and settings each. Their pictures and runs lie in stores of their own. */
import { get } from 'idb-keyval';
import type { CaptionOptions, Purpose } from '../protocol/captioner';
import { deleteFile } from './opfs';
import { deletePicturesOf } from './pictures';
import { choice, number, reader, record, text } from './read_record';
import { readAll, records, write } from './records';
import { deleteRun, listRuns } from './runs';

export interface BaseModelRef {
  name: string;
  byteLength: number;
  /** For people: "Stable Diffusion 1.x". */
  kind: string;
  /** What it says of how it was trained, and what the person says of it. */
  marks?: {
    readonly prediction?: 'epsilon' | 'v';
    /** The person said it, as its files do not. */
    readonly predictionAsked?: true;
    readonly zeroTerminalSnr?: boolean;
    readonly lineage?: 'pony' | 'illustrious' | 'noobai';
  };
  where:
    | { in: 'demo' }
    | { in: 'handle'; handles: FileSystemFileHandle[] }
    /** Paths of `files`. */
    | { in: 'stored'; paths: string[] }
    /** Files that this page was given, and that only it can read: see `engine/visit_files.ts`. */
    | { in: 'visit'; key: string; count: number };
}

/** How captions are proposed: what is not there is at its default. */
export interface CaptionSettings extends Partial<Omit<CaptionOptions, 'purpose' | 'trigger'>> {
  /** Key of a captioner, or 'demo' for the studio's own. */
  model?: string;
  mode?: 'only-empty' | 'append' | 'replace';
}

export interface Project {
  id: string;
  name: string;
  createdAt: number;
  changedAt: number;
  purpose: Purpose;
  trigger: string;
  /** Settings that differ from the defaults, by field name. */
  settings: Readonly<Record<string, unknown>>;
  base?: BaseModelRef;
  /** What the base model was called where this project was saved to a file: to be chosen here. */
  baseWanted?: string;
  captions?: CaptionSettings;
}

/** By name, so that the compiler asks for a new one. */
const PURPOSES: Readonly<Record<Purpose, true>> = { style: true, character: true, object: true };

const readProject = reader<Project>(
  { id: text },
  {
    name: [text, ''],
    createdAt: [number, 0],
    changedAt: [number, 0],
    purpose: [choice(Object.keys(PURPOSES) as Purpose[]), 'style'],
    trigger: [text, ''],
    settings: [record, {}],
  },
);

const store = records('projects');

/** The one changed last comes first. */
export async function listProjects(): Promise<Project[]> {
  const projects = (await readAll<unknown>(store, ['project'])).map(readProject);
  return projects.filter((project) => project !== undefined).sort((a, b) => b.changedAt - a.changedAt);
}

export async function getProject(id: string): Promise<Project | undefined> {
  return readProject(await get<unknown>(['project', id], store));
}

export function putProject(project: Project): Promise<void> {
  return write(store, 'the project', (to) => void to.put(project, ['project', project.id]));
}

/** With its pictures and their latents, its runs, and the base model if no other project uses it. The project goes last: interrupted, it can be deleted again. */
export async function deleteProject(id: string): Promise<void> {
  await deletePicturesOf(id);
  await (await import('./latents')).deleteLatentsOf(id);
  for (const run of await listRuns(id)) await deleteRun(run.id);
  const projects = await listProjects();
  const elsewhere = new Set(projects.filter((other) => other.id !== id).flatMap(storedPaths));
  for (const path of projects.filter((one) => one.id === id).flatMap(storedPaths)) {
    if (!elsewhere.has(path)) await deleteFile(path);
  }
  await write(store, 'the removal', (from) => void from.delete(['project', id]));
}

/** The stored files that a project needs. */
export function storedPaths({ base }: Project): string[] {
  return base?.where.in === 'stored' ? base.where.paths : [];
}
