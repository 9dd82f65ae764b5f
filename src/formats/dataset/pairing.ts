/**
 * Which caption belongs to which picture: a file beside it by stem, a row of a table by name, first exactly, then in
 * another case, another ending, another folder if only one picture is called so. Linear in the number of files.
 */
import { Breath } from './at_a_time';
import { fileKey, folderOf, nameOf, stemOf } from './kinds';

export interface Sidecar {
  path: string;
  text: string;
  /** How many lines of the file say something. */
  lines?: number;
  modified?: number;
}

export interface Table {
  path: string;
  rows: readonly TableRow[];
  modified?: number;
  /** Names are relative to the whole set, not to the table's folder. */
  ofRoot?: boolean;
}

export interface TableRow {
  readonly file: string;
  readonly text: string;
  readonly line: number;
}

/** A caption that a picture may have. */
export interface Source {
  /** The file it stands in. */
  path: string;
  text: string;
  from: 'table' | 'sidecar';
  /** Of a table's row. */
  line?: number;
  modified?: number;
}

export interface Pairing {
  /** By the picture's path, as given; the nearest source of a file only. */
  sources: Map<string, Source[]>;
  /** What belongs to no picture. Tables keep only such rows, and are left out if they have none. */
  sidecars: Sidecar[];
  tables: Table[];
}

/** How surely a caption is a picture's: smaller is nearer. */
const NEAR = { exact: 0, otherCase: 1, otherEnding: 2, elsewhere: 3 } as const;
interface Found {
  pictures: readonly string[];
  near: number;
}

/** Pauses now and then, so that a page answers. */
export async function pairCaptions(
  pictures: readonly string[],
  sidecars: readonly Sidecar[],
  tables: readonly Table[],
): Promise<Pairing> {
  const breath = new Breath();
  const find = new Finder();
  for (const picture of pictures) {
    find.add(picture);
    if (breath.due) await breath.take();
  }
  const sources = new Map<string, Source[]>();
  const put = (picture: string, source: Source) => {
    const list = sources.get(picture);
    if (list) list.push(source);
    else sources.set(picture, [source]);
  };

  // Where a file lies beside the picture, one of that name elsewhere is not its.
  const beside = new Set<string>();
  const elsewhere: { sidecar: Sidecar; pictures: readonly string[] }[] = [];
  const alone: Sidecar[] = [];
  const give = ({ path, text, modified }: Sidecar, to: readonly string[]) => {
    for (const picture of to) put(picture, { path, text, from: 'sidecar', modified });
  };
  for (const sidecar of sidecars) {
    if (breath.due) await breath.take();
    const found = find.byStem(stemOf(sidecar.path));
    if (!found) alone.push(sidecar);
    else if (found.near === NEAR.elsewhere) elsewhere.push({ sidecar, pictures: found.pictures });
    else {
      give(sidecar, found.pictures);
      for (const picture of found.pictures) beside.add(picture);
    }
  }
  for (const { sidecar, pictures: to } of elsewhere) {
    if (breath.due) await breath.take();
    const without = to.filter((picture) => !beside.has(picture));
    if (without.length > 0) give(sidecar, without);
    else alone.push(sidecar);
  }

  const rest: Table[] = [];
  for (const table of tables) {
    const nearest = new Map<string, { row: TableRow; near: number }>();
    const lost = new Set<TableRow>();
    const takes = new Map<TableRow, number>();
    for (const row of table.rows) {
      if (breath.due) await breath.take();
      const found = find.byName(table.ofRoot ? '' : folderOf(table.path), row.file);
      if (!found) lost.add(row);
      for (const picture of found?.pictures ?? []) {
        const before = nearest.get(picture);
        if (!before || (found && found.near < before.near))
          nearest.set(picture, { row, near: found?.near ?? 0 });
      }
    }
    for (const [picture, { row }] of nearest) {
      takes.set(row, (takes.get(row) ?? 0) + 1);
      const { path, modified } = table;
      put(picture, { path, text: row.text, from: 'table', line: row.line, modified });
    }
    const rows = table.rows.filter((row) => lost.has(row) || !takes.has(row));
    if (rows.length > 0) rest.push({ ...table, rows });
  }
  return { sources, sidecars: alone, tables: rest };
}

/** Each look-up gives the pictures meant: several only where one folder has several pictures of one stem. */
class Finder {
  readonly #names = new Map<string, string[]>();
  readonly #stems = new Map<string, string[]>();
  readonly #foldedNames = new Map<string, string[]>();
  readonly #foldedStems = new Map<string, string[]>();
  /** By name without folders; only the first two are kept: more than one is none. */
  readonly #looseNames = new Map<string, string[]>();
  readonly #looseStems = new Map<string, string[]>();

  add(picture: string): void {
    const key = fileKey(picture);
    const folded = key.toLowerCase();
    push(this.#names, key, picture);
    push(this.#stems, stemOf(key), picture);
    push(this.#foldedNames, folded, picture);
    push(this.#foldedStems, stemOf(folded), picture);
    push(this.#looseNames, nameOf(folded), picture, 2);
    push(this.#looseStems, nameOf(stemOf(folded)), picture, 2);
  }

  /** Of a file beside the picture: "a.txt", or "a.png.txt", beside "a.png". */
  byStem(stem: string): Found | undefined {
    const key = fileKey(stem);
    return this.#inFolder(key, true) ?? this.#elsewhere(key);
  }

  /** Of a row: the name is relative to `folder`, or begins further out (on another machine, before the set was moved). */
  byName(folder: string, name: string): Found | undefined {
    const key = fileKey(name);
    const own = this.#inFolder(partsOf(fileKey(folder), key).join('/'), false);
    if (own) return own;
    const parts = partsOf('', key);
    for (let from = 0; from < parts.length; from++) {
      const inner = parts.slice(from).join('/');
      // A bare name is looked for beside the table only; elsewhere it must be the only one.
      const found =
        (from < parts.length - 1 ? this.#inFolder(inner, false) : undefined) ??
        this.#inFolder(fileKey(folder) + inner, false);
      if (found) return { ...found, near: NEAR.elsewhere };
    }
    return this.#elsewhere(key);
  }

  #inFolder(key: string, isStem: boolean): Found | undefined {
    const folded = key.toLowerCase();
    const stem = isStem ? key : stemOf(key);
    const exact = isStem ? (this.#stems.get(stem) ?? this.#names.get(key)) : this.#names.get(key);
    if (exact) return { pictures: exact, near: NEAR.exact };
    const otherCase = isStem
      ? (this.#foldedStems.get(folded) ?? this.#foldedNames.get(folded))
      : this.#foldedNames.get(folded);
    if (otherCase) return { pictures: otherCase, near: NEAR.otherCase };
    if (isStem) return undefined;
    // The picture was converted since, or the row never had an ending.
    const otherEnding =
      this.#stems.get(stem) ??
      this.#foldedStems.get(stem.toLowerCase()) ??
      this.#stems.get(key) ??
      this.#foldedStems.get(folded);
    return otherEnding && { pictures: otherEnding, near: NEAR.otherEnding };
  }

  #elsewhere(key: string): Found | undefined {
    const name = nameOf(key).toLowerCase();
    const stem = nameOf(stemOf(key)).toLowerCase();
    const lists = [this.#looseNames.get(name), this.#looseStems.get(stem), this.#looseStems.get(name)];
    const only = lists.find((list) => list?.length === 1);
    return only && { pictures: only, near: NEAR.elsewhere };
  }
}

/** The parts of a row's path from the set's root, `..` worked out. */
function partsOf(folder: string, name: string): string[] {
  const parts: string[] = [];
  for (const part of `${folder}/${name}`.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts;
}

function push(to: Map<string, string[]>, key: string, value: string, most = Infinity): void {
  const list = to.get(key);
  if (!list) to.set(key, [value]);
  else if (list.length < most) list.push(value);
}
