/**
 * Which caption belongs to which picture: sidecars by stem, rows of metadata.csv by file name, first in the same
 * folder, then anywhere if only one picture is called so. A row of metadata.csv wins over a sidecar. Reading either
 * is `metadata_csv`.
 */
import { fileKey, folderOf, nameOf, stemOf } from './kinds';

export interface Sidecar {
  path: string;
  text: string;
}

export interface Table {
  path: string;
  rows: readonly { readonly file: string; readonly text: string }[];
}

export interface Pairing {
  /** By the picture's path, as given. */
  captions: Map<string, string>;
  /** What belongs to none of them. Tables keep only such rows, and are left out if they have none. */
  sidecars: Sidecar[];
  tables: Table[];
}

export function pairCaptions(
  pictures: readonly string[],
  sidecars: readonly Sidecar[],
  tables: readonly Table[],
): Pairing {
  const find = finder(pictures);
  const captions = new Map<string, string>();
  // kohya's own ending last, so that the .txt beside it, which every tool writes, is the one that holds.
  const byEnding = [...sidecars].sort((a, b) => Number(isTxt(a.path)) - Number(isTxt(b.path)));
  const alone = byEnding.filter(({ path, text }) => !give(find.byStem(stemOf(path)), text));
  const rest = tables.map(({ path, rows }) => ({
    path,
    rows: rows.filter(({ file, text }) => !give(find.byName(folderOf(path) + file), text)),
  }));
  return { captions, sidecars: alone, tables: rest.filter(({ rows }) => rows.length > 0) };

  function give(to: readonly string[], text: string): boolean {
    for (const picture of to) captions.set(picture, text);
    return to.length > 0;
  }
}

/** Each look-up gives the pictures meant: several only where one folder has two pictures of one stem. */
function finder(pictures: readonly string[]) {
  const exact = new Map<string, string[]>();
  const loose = new Map<string, string[]>();
  for (const picture of pictures) {
    const key = fileKey(picture);
    push(exact, `name ${key}`, picture);
    push(exact, `stem ${stemOf(key)}`, picture);
    push(loose, `name ${nameOf(key).toLowerCase()}`, picture);
    push(loose, `stem ${nameOf(stemOf(key)).toLowerCase()}`, picture);
  }
  const only = (found: readonly string[] | undefined) => (found?.length === 1 ? found : undefined);
  const byStem = (stem: string): readonly string[] => {
    const key = fileKey(stem);
    const name = nameOf(key).toLowerCase();
    return (
      exact.get(`stem ${key}`) ??
      // "a.png.txt" beside "a.png"
      exact.get(`name ${key}`) ??
      only(loose.get(`stem ${name}`)) ??
      only(loose.get(`name ${name}`)) ??
      []
    );
  };
  return {
    byStem,
    byName: (path: string): readonly string[] => {
      const key = fileKey(path);
      return (
        exact.get(`name ${key}`) ??
        only(loose.get(`name ${nameOf(key).toLowerCase()}`)) ??
        // The picture was converted since, or the row never had an ending.
        byStem(stemOf(key))
      );
    },
  };
}

function push(to: Map<string, string[]>, key: string, value: string): void {
  const list = to.get(key);
  if (list) list.push(value);
  else to.set(key, [value]);
}

function isTxt(path: string): boolean {
  return path.toLowerCase().endsWith('.txt');
}
