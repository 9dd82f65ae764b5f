/**
 * A project as one file, to be opened elsewhere: a zip with `project.json` (what a person set) and the pictures as they
 * were given. A file may come from a stranger: what is read is checked field by field, sizes and looks of pictures are
 * found anew by whoever opens them, and the base model is only named.
 */
import { purposes } from '../captions/purposes';
import type { CaptionOptions, Purpose } from '../../protocol/captioner';
import { mergeModes, type MergeMode } from '../captions/caption_merge';
import { configFields, isFieldName } from '../config/config_fields';
import { readValue } from '../config/config_values';
import { UniqueNames } from '../dataset/names';
import { parseBoundedJson } from '../text/bounded_json';
import { openZip, type ZipEntry } from './zip';
import { writeZip, type ZipInput } from './zip_write';

export interface SavedPicture {
  readonly name: string;
  readonly caption: string;
  readonly repeats: number;
  readonly focus: readonly [number, number];
  readonly aside?: Aside;
}

const asides = ['by-hand', 'duplicate', 'near-duplicate'] as const;
export type Aside = (typeof asides)[number];

/** How captions are proposed; no model of a person's own, which is known by its file here only. */
export interface SavedCaptions extends Partial<Omit<CaptionOptions, 'purpose' | 'trigger'>> {
  readonly model?: 'demo';
  readonly mode?: MergeMode;
}

export interface SavedProject {
  readonly name: string;
  readonly purpose: Purpose;
  readonly trigger: string;
  /** Fields that differ from the defaults. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly captions?: SavedCaptions;
  readonly base?: { readonly name: string; readonly demo: boolean };
}

/** A picture of an opened project file; `open` rejects with `ZipError`. */
export interface PictureInFile extends SavedPicture {
  readonly path: string;
  open(): Promise<Blob>;
}

export interface OpenedProject {
  readonly project: SavedProject;
  readonly pictures: readonly PictureInFile[];
  /** Named in the list, and not in the file. */
  readonly missing: readonly string[];
}

export type ProjectFileErrorCode = 'not-a-project' | 'newer' | 'damaged';

export class ProjectFileError extends Error {
  override name = 'ProjectFileError';
  readonly facts = {};
  constructor(
    readonly code: ProjectFileErrorCode,
    sentence: string,
  ) {
    super(sentence);
  }
}

const LIST = 'project.json';
const FORMAT = 'lora-studio-project';
const VERSION = 1;
/** 30,000 long captions; no project comes near this. */
const LIST_BYTES = 16 * 2 ** 20;
/** What a list of 50,000 pictures has. */
const LIST_BOUNDS = { values: 1_500_000, depth: 12 };
const MOST_TEXT = 10_000;

/** Pictures are read one at a time; `onPicture` is told how many are in. Rejects with `ZipError` above 4 GB. */
export function writeProject<P extends SavedPicture>(
  project: SavedProject,
  pictures: readonly P[],
  fileOf: (picture: P) => Promise<Blob>,
  onPicture?: (done: number) => void,
): Promise<Blob> {
  const names = new UniqueNames();
  const paths = pictures.map(({ name }) => `pictures/${names.take(safeName(name))}`);
  const list = {
    format: FORMAT,
    version: VERSION,
    ...project,
    pictures: pictures.map(({ name, caption, repeats, focus, aside }, i) => ({
      path: paths[i],
      name,
      caption,
      repeats,
      focus,
      ...(aside && { aside }),
    })),
  };
  return writeZip(contents(), (files) => onPicture?.(Math.max(0, files - 1)));

  async function* contents(): AsyncGenerator<ZipInput> {
    yield { path: LIST, file: new Blob([JSON.stringify(list, null, 1)]) };
    for (const [i, picture] of pictures.entries()) yield { path: paths[i], file: await fileOf(picture) };
  }
}

/** Whether a zip says that it is one of these; of any other file too, without rejecting. */
export async function isProjectFile(file: Blob): Promise<boolean> {
  try {
    const list = (await openZip(file)).entries.find(({ path }) => path === LIST);
    return list !== undefined && list.size <= LIST_BYTES && (await readList(list)).format === FORMAT;
  } catch {
    return false;
  }
}

/** Rejects with `ZipError` or `ProjectFileError`. No picture is unpacked yet. */
export async function readProject(file: Blob): Promise<OpenedProject> {
  const entries = new Map((await openZip(file)).entries.map((entry) => [entry.path, entry]));
  const entry = entries.get(LIST);
  const list = entry && entry.size <= LIST_BYTES ? await readList(entry) : {};
  if (list.format !== FORMAT) {
    throw new ProjectFileError(
      'not-a-project',
      'This zip is no project of the studio. To add its pictures, choose it under Images.',
    );
  }
  if (typeof list.version !== 'number' || list.version > VERSION) {
    throw new ProjectFileError(
      'newer',
      'This project was saved by a newer version of the studio. Reload the page to get it, and open the file again.',
    );
  }
  const pictures: PictureInFile[] = [];
  const missing: string[] = [];
  for (const picture of (Array.isArray(list.pictures) ? list.pictures : []).map(pictureOf)) {
    const inZip = entries.get(picture.path);
    // Each file once: a short list may name a large one a thousand times.
    entries.delete(picture.path);
    if (inZip) pictures.push({ ...picture, open: () => inZip.open() });
    else missing.push(picture.name);
  }
  return { project: projectOf(list), pictures, missing };
}

type Plain = Readonly<Record<string, unknown>>;

async function readList(entry: ZipEntry): Promise<Plain> {
  try {
    return plain(parseBoundedJson(await (await entry.open()).text(), LIST_BOUNDS));
  } catch {
    throw new ProjectFileError(
      'damaged',
      'The project file is damaged. Save the project again, and open that.',
    );
  }
}

function projectOf(list: Plain): SavedProject {
  const base = plain(list.base);
  const captions = captionsOf(plain(list.captions));
  const settings = Object.entries(plain(list.settings)).flatMap(([name, value]) => {
    const read = isFieldName(name) ? readValue(configFields[name], value, undefined) : undefined;
    return read && 'value' in read ? [[name, read.value] as const] : [];
  });
  return {
    name: text(list.name, 80).trim() || 'LoRA',
    purpose: oneOf(purposes, list.purpose) ?? 'style',
    trigger: text(list.trigger, 80).replaceAll(',', ''),
    settings: Object.fromEntries(settings),
    ...(captions && { captions }),
    ...(typeof base.name === 'string' && { base: { name: text(base.name, 200), demo: base.demo === true } }),
  };
}

function pictureOf(value: unknown): SavedPicture & { path: string } {
  const { path, name, caption, repeats, focus, aside } = plain(value);
  const [x, y] = Array.isArray(focus) ? (focus as unknown[]) : [];
  const why = oneOf(asides, aside);
  return {
    path: typeof path === 'string' ? path : '',
    name: safeName(text(name, 250)),
    caption: typeof caption === 'string' ? caption.slice(0, MOST_TEXT).toWellFormed() : '',
    repeats: Math.round(between(repeats, 1, 1000) ?? 1),
    focus: [between(x, 0, 1) ?? 0.5, between(y, 0, 1) ?? 0.5],
    ...(why && { aside: why }),
  };
}

function captionsOf(value: Plain): SavedCaptions | undefined {
  const terms = Object.entries(plain(value.terms)).map(([slot, list]) => [slot, texts(list)] as const);
  const mode = oneOf(mergeModes, value.mode);
  const tag = between(value.tagThreshold, 0, 1);
  const character = between(value.characterThreshold, 0, 1);
  const read: SavedCaptions = {
    ...(value.model === 'demo' && { model: 'demo' }),
    ...(mode && { mode }),
    ...(typeof value.template === 'string' && { template: text(value.template, MOST_TEXT) }),
    ...(terms.length > 0 && { terms: Object.fromEntries(terms) }),
    ...(Array.isArray(value.folded) && { folded: texts(value.folded) }),
    ...(Array.isArray(value.shown) && { shown: texts(value.shown) }),
    ...(tag !== undefined && { tagThreshold: tag }),
    ...(character !== undefined && { characterThreshold: character }),
  };
  return Object.keys(read).length > 0 ? read : undefined;
}

function plain(value: unknown): Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Plain) : {};
}

/** One line. */
function text(value: unknown, most: number): string {
  if (typeof value !== 'string') return '';
  return [...value.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')].slice(0, most).join('');
}

function texts(value: unknown): string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  // Folded phrases are `slot\nphrase`.
  return list.flatMap((item) => (typeof item === 'string' ? [item.slice(0, MOST_TEXT).toWellFormed()] : []));
}

function between(value: unknown, least: number, most: number): number | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return Math.min(most, Math.max(least, value));
}

function oneOf<T extends string>(choices: readonly T[], value: unknown): T | undefined {
  return choices.find((choice) => choice === value);
}

/** A file name that every system and every zip takes. */
function safeName(name: string): string {
  const safe = name.toWellFormed().replace(/[\\/:*?"<>|\p{Cc}]/gu, '_');
  return /^\.*$/.test(safe) ? `picture${safe}` : safe;
}
