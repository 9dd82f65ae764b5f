/** Where each picture stands in the set: its repeats, class words and subset, or why it is set aside. */
import { folderMeant, type DatasetToml, type TomlSubset } from './dataset_toml';
import { asideByFolder, foldersOf, kohyaFolder, numberedFolder, type AsideReason } from './folders';
import { folderOf } from './kinds';
import type { DatasetNote } from './notes';

export interface Place {
  repeats: number;
  subset: string;
  classWords?: string;
  why?: AsideReason;
}

export interface Placed {
  of(picture: string): Place;
  /** The ending that its subset in a dataset TOML gives to captions; '' for none. */
  captionExtension(picture: string): string;
  notes: DatasetNote[];
}

/** `captioned` says whether a picture has a caption of its own; `root` is the name of the chosen folder, if known. */
export function placePictures(
  pictures: readonly string[],
  tomls: readonly { path: string; toml: DatasetToml }[],
  captioned: (picture: string) => boolean,
  root: string,
): Placed {
  const { subsets, notes } = subsetsHere(pictures, tomls, root);
  const aside = asideByFolder(pictures, captioned);
  const repeated = new Map<string, { repeats: number; pictures: number }>();
  const numbered = new Set<string>();
  const asideNotes = new Map<AsideReason, { folders: Set<string>; pictures: string[] }>();
  const places = new Map<string, Place>();
  for (const picture of pictures) {
    const place = placeOf(picture);
    places.set(picture, place);
    if (place.why) {
      const note = asideNotes.get(place.why) ?? { folders: new Set(), pictures: [] };
      asideNotes.set(place.why, note);
      note.folders.add(folderOf(picture).slice(0, -1) || picture);
      note.pictures.push(picture);
      continue;
    }
    if (place.repeats > 1) {
      const { pictures: count } = repeated.get(place.subset) ?? { pictures: 0 };
      repeated.set(place.subset, { repeats: place.repeats, pictures: count + 1 });
    } else if (place.subset === '') {
      const folder = numberedFolder(picture, root);
      if (folder !== undefined) numbered.add(folder);
    }
  }
  return {
    of: (picture) => places.get(picture) ?? { repeats: 1, subset: '' },
    captionExtension: (picture) => subsetOf(picture)?.subset.captionExtension ?? '',
    notes: [
      ...notes,
      ...[...repeated].map(([folder, of]) => ({ kind: 'repeats' as const, folder, ...of })),
      ...(numbered.size > 0 ? [{ kind: 'no-repeats-number' as const, folders: [...numbered] }] : []),
      ...[...asideNotes].map(([why, of]) => ({
        kind: 'aside' as const,
        why,
        folders: [...of.folders],
        pictures: of.pictures,
      })),
    ],
  };

  function placeOf(picture: string): Place {
    const found = subsetOf(picture);
    if (found) {
      const { folder, subset } = found;
      const { repeats, classWords, regularisation } = subset;
      const why = regularisation ? 'regularisation' : repeats === 0 ? 'no-repeats' : maskOnly(picture);
      return {
        repeats: Math.max(1, repeats),
        subset: folder === '' ? root : folder,
        ...(classWords !== '' && { classWords }),
        ...(why && { why }),
      };
    }
    const kohya = kohyaFolder(picture, root);
    const why = aside.get(picture) ?? (subsets.size > 0 ? 'not-in-toml' : undefined);
    return {
      repeats: kohya?.repeats ?? 1,
      subset: kohya ? subsetPath(picture, kohya.folder) : '',
      ...(kohya?.words && { classWords: kohya.words }),
      ...(why && { why }),
    };
  }

  /** A folder that the TOML names is what it says it is; masks in it are masks all the same. */
  function maskOnly(picture: string): AsideReason | undefined {
    return aside.get(picture) === 'mask' ? 'mask' : undefined;
  }

  function subsetOf(picture: string): { folder: string; subset: TomlSubset } | undefined {
    if (subsets.size === 0) return undefined;
    const folders = foldersOf(picture, '');
    for (let depth = folders.length; depth >= 0; depth--) {
      const folder = folders.slice(0, depth).join('/');
      const subset = subsets.get(folder);
      if (subset) return { folder, subset };
    }
    return undefined;
  }
}

/** The folders of the TOMLs that are here, innermost counting. A TOML of other folders says nothing. */
function subsetsHere(
  pictures: readonly string[],
  tomls: readonly { path: string; toml: DatasetToml }[],
  root: string,
): { subsets: Map<string, TomlSubset>; notes: DatasetNote[] } {
  const subsets = new Map<string, TomlSubset>();
  const notes: DatasetNote[] = [];
  if (tomls.length === 0) return { subsets, notes };
  const folders = [...new Set(pictures.flatMap((path) => withOuter(folderOf(path).slice(0, -1))))];
  for (const { path, toml } of tomls) {
    const missing: string[] = [];
    let here = 0;
    for (const subset of toml.subsets) {
      const folder = folderMeant(subset.imageDir, folderOf(path), folders, root);
      if (folder === undefined) missing.push(subset.imageDir);
      else {
        here++;
        subsets.set(folder, subset);
      }
    }
    // One from the folder above may be of another set.
    if (here > 0 || !path.startsWith('../'))
      notes.push({ kind: 'toml', path, subsets: here, ignored: toml.ignored, missing });
  }
  return { subsets, notes };
}

/** A folder and all it lies in, the chosen one ('') included. */
function withOuter(folder: string): string[] {
  const parts = folder.split('/').filter(Boolean);
  return [...parts.map((_, i) => parts.slice(0, i + 1).join('/')), ''];
}

function subsetPath(picture: string, folder: string): string {
  const folders = foldersOf(picture, '');
  const depth = folders.lastIndexOf(folder);
  return depth < 0 ? folder : folders.slice(0, depth + 1).join('/');
}
