/**
 * What the whole page shares: the projects, the one that is open, the stage, what is known of the GPU. A change to
 * the project is saved 300 ms after the last one, and at once when the page is hidden. Who may change a project is
 * decided in shell/project_lock.ts: one tab at a time.
 */
import { deleteProject, getProject, listProjects, putProject, type Project } from '../storage/projects';
import type { AdapterFacts } from './facts';
import { hex } from '../formats/safetensors/sha256';
import { ProjectLock } from './project_lock';
import { recall, remember } from './remembered';
import { sentenceOf } from './sentence';

export const stages = ['images', 'captions', 'settings', 'training', 'results'] as const;
/** What the address can name beside the stages and the start. */
const besides = ['loras', 'help'] as const;
export type Stage = 'start' | (typeof stages)[number] | (typeof besides)[number];

const SAVE_AFTER_MS = 300;

export class Studio {
  /** Newest first; the open one among them. */
  projects: readonly Project[] = $state.raw([]);
  /** The open project. Change it by `change`. */
  project: Project = $state.raw(blankProject(''));
  /** False until the projects were read. */
  ready = $state(false);
  stage: Stage = $state('start');
  /** Undefined until the preflight has found a GPU. */
  adapter: AdapterFacts | undefined = $state.raw();
  /** Another tab has this project open: here it can be looked at, not changed. */
  readOnly = $state(false);
  /** A sentence if the project cannot be kept (storage forbidden or full). */
  trouble: string | undefined = $state();

  #timer: ReturnType<typeof setTimeout> | undefined;
  #lock = new ProjectLock({
    mine: (mine) => (this.readOnly = !mine),
    changed: () => void this.#read(),
  });

  /** Reads what is stored and opens the project last used, or a first one called `firstName`. */
  async begin(firstName: string): Promise<void> {
    this.stage = stageOf(location.hash);
    addEventListener('hashchange', () => {
      this.stage = stageOf(location.hash);
    });
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'hidden') void this.flush();
    });
    addEventListener('pagehide', () => void this.flush());
    try {
      this.projects = await listProjects();
    } catch (error) {
      this.trouble = sentenceOf(error);
    }
    const last = recall('project');
    const found = this.projects.find(({ id }) => id === last) ?? this.projects[0];
    if (found) await this.open(found.id);
    else await this.create(firstName);
    this.ready = true;
  }

  go(stage: Stage): void {
    this.stage = stage;
    if (stageOf(location.hash) !== stage || location.hash === '') location.hash = stage;
  }

  /** Changes the open project, now on the page and soon in storage. Does nothing in a read-only tab. */
  change(patch: Partial<Omit<Project, 'id' | 'createdAt'>>): void {
    if (this.readOnly) return;
    this.#show({ ...this.project, ...patch, changedAt: Date.now() });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), SAVE_AFTER_MS);
  }

  /** The same for a project that need not be the open one: for what takes long, such as a download. */
  async changeIn(id: string, patch: Partial<Omit<Project, 'id' | 'createdAt'>>): Promise<void> {
    if (id === this.project.id) {
      this.change(patch);
      return;
    }
    const project = this.projects.find((each) => each.id === id);
    if (!project) return;
    const changed = { ...project, ...patch, changedAt: Date.now() };
    this.projects = this.projects.map((each) => (each.id === id ? changed : each));
    await this.#save(changed);
  }

  /** Saves what is not saved yet. */
  async flush(): Promise<void> {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#save(this.project);
  }

  /** After trouble, once there is room. */
  async tryAgain(): Promise<void> {
    await this.#save(this.project);
  }

  async create(name: string): Promise<void> {
    await this.flush();
    const project = blankProject(name);
    this.projects = [project, ...this.projects];
    await this.#save(project);
    await this.#enter(project);
  }

  async open(id: string): Promise<void> {
    await this.flush();
    const project = this.projects.find((each) => each.id === id) ?? (await getProject(id));
    if (project) await this.#enter(project);
  }

  /** Deletes a project with its pictures, runs and files; opens the next, or a first one called `firstName`. */
  async remove(id: string, firstName: string): Promise<void> {
    if (id === this.project.id) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    await deleteProject(id);
    this.projects = this.projects.filter((each) => each.id !== id);
    if (id !== this.project.id) return;
    const next = this.projects[0];
    if (next) await this.#enter(next);
    else await this.create(firstName);
  }

  async #enter(project: Project): Promise<void> {
    this.project = project;
    remember('project', project.id);
    await this.#lock.take(project.id);
  }

  async #save(project: Project): Promise<void> {
    try {
      // $state.raw: a plain object, which IndexedDB can clone.
      await putProject(project);
      this.trouble = undefined;
      this.#lock.announce();
    } catch (error) {
      this.trouble = sentenceOf(error);
    }
  }

  /** Another tab changed this project. */
  async #read(): Promise<void> {
    const project = await getProject(this.project.id);
    if (project) this.#show(project);
  }

  #show(project: Project): void {
    this.project = project;
    this.projects = this.projects.map((each) => (each.id === project.id ? project : each));
  }
}

export const studio = new Studio();

function blankProject(name: string): Project {
  const now = Date.now();
  return { id: newId(), name, createdAt: now, changedAt: now, purpose: 'style', trigger: '', settings: {} };
}

/** Random, also where `crypto.randomUUID` is missing: over plain http the page still opens and says what it lacks. */
function newId(): string {
  return hex(crypto.getRandomValues(new Uint8Array(12)));
}

/** Anything else than a stage, such as a shared link, is the start. */
export function stageOf(hash: string): Stage {
  const name = hash.slice(1);
  return [...stages, ...besides].find((stage) => stage === name) ?? 'start';
}
