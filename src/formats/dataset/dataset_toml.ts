/**
 * The data set file of sd-scripts: `[[datasets]]` with `[[datasets.subsets]]`, each a folder with its repeats and class
 * words. Its paths are of the machine it was written on; they are found again among the folders that are here.
 * Source: sd-scripts, docs/config_README-en.md.
 */
import { parse, TomlError } from 'smol-toml';

export interface TomlSubset {
  /** As written. */
  imageDir: string;
  repeats: number;
  classWords: string;
  regularisation: boolean;
  /** `.txt` or the like; '' where the file does not say. */
  captionExtension: string;
  /** A JSON of captions, as written; '' for none. */
  metadataFile: string;
}

export interface DatasetToml {
  subsets: TomlSubset[];
  /** Names of settings that are not the data set's folders: they are read with the settings, not here. */
  ignored: string[];
}

/** The line, from 1, at which a file that is meant to be one is no TOML; undefined for any other. Never throws. */
export function brokenDatasetToml(text: string): number | undefined {
  if (text.length > longest || !/^[ \t]*\[\[[ \t]*datasets/m.test(text)) return undefined;
  try {
    parse(text);
  } catch (error) {
    return error instanceof TomlError ? error.line : 1;
  }
  return undefined;
}

const OWN = new Set('image_dir num_repeats class_tokens is_reg caption_extension metadata_file'.split(' '));
/** Units: fifteen hundred folders; what takes longer would hold up a page. */
const longest = 100_000;

/** Undefined where the file is of something else. Never throws. */
export function readDatasetToml(text: string): DatasetToml | undefined {
  if (text.length > longest) return undefined;
  let root: unknown;
  try {
    root = parse(text);
  } catch {
    return undefined;
  }
  const general = tableOf(tableOf(root)?.['general']) ?? {};
  const subsets: TomlSubset[] = [];
  const ignored = new Set<string>(Object.keys(general));
  for (const dataset of listOf(tableOf(root)?.['datasets'])) {
    for (const key of Object.keys(dataset)) if (key !== 'subsets') ignored.add(key);
    for (const subset of listOf(dataset['subsets'])) {
      for (const key of Object.keys(subset)) ignored.add(key);
      const all = { ...general, ...dataset, ...subset };
      if (typeof subset['image_dir'] !== 'string') continue;
      subsets.push({
        imageDir: subset['image_dir'],
        repeats: wholeOf(all['num_repeats']) ?? 1,
        classWords: typeof subset['class_tokens'] === 'string' ? subset['class_tokens'].trim() : '',
        regularisation: subset['is_reg'] === true,
        captionExtension: typeof all['caption_extension'] === 'string' ? all['caption_extension'] : '',
        metadataFile: typeof subset['metadata_file'] === 'string' ? subset['metadata_file'] : '',
      });
    }
  }
  return subsets.length > 0
    ? { subsets, ignored: [...ignored].filter((key) => !OWN.has(key)).sort() }
    : undefined;
}

/**
 * The folder here that a path of the file means: relative to `from` (the file's own folder) if there is one, else the
 * one whose last folders are the same. Undefined for none, or for several alike. `root` is the chosen folder's name.
 */
export function folderMeant(
  imageDir: string,
  from: string,
  folders: readonly string[],
  root: string,
): string | undefined {
  const wanted = imageDir.replaceAll('\\', '/');
  const relative = partsOf(`${from}/${wanted}`).join('/');
  // A file in the folder above begins outside of the set, where only the last folders can be compared.
  if (!/^([a-z]:|\/)/i.test(wanted) && !from.startsWith('..') && folders.includes(relative)) return relative;
  const parts = partsOf(wanted).map((part) => part.toLowerCase());
  let best: { folder: string; shared: number; alone: boolean } | undefined;
  for (const folder of folders) {
    const own = partsOf(`${root}/${folder}`).map((part) => part.toLowerCase());
    let shared = 0;
    while (shared < Math.min(own.length, parts.length) && own.at(-1 - shared) === parts.at(-1 - shared))
      shared++;
    if (shared === 0 || (best && shared < best.shared)) continue;
    best = { folder, shared, alone: best?.shared !== shared };
  }
  return best?.alone ? best.folder : undefined;
}

function partsOf(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts;
}

function tableOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.map(tableOf).filter((each) => each !== undefined) : [];
}

function wholeOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined;
}
