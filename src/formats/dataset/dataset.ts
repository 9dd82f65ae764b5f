/**
 * A folder as a person has it, as the set that is trained on: from paths and bytes to pictures, captions, repeats,
 * subsets, notes and questions. The one importer, for the page and the command line; neither lists nor decodes anything
 * itself. Linear in the number of files. Long because each step hands what it found to the next.
 */
import { Breath, inTurn, pause } from './at_a_time';
import { CaptionFileError, captionOf, joinLines, textOf } from './caption_file';
import { brokenDatasetToml, readDatasetToml, type DatasetToml } from './dataset_toml';
import type { AsideReason } from './folders';
import { kindOf, nameOf, stemOf } from './kinds';
import { inNaturalOrder } from './names';
import { type DatasetNote, type TwoSources } from './notes';
import { pairCaptions, type Sidecar, type Table } from './pairing';
import { placePictures } from './placing';
import { readTableFile, type ReadTableFile } from './table_file';
import { isNamedForCaptions } from './tables';
import { decodeText, encodingPreviews, type Encoding, type EncodingPreview } from './text';
import { triggerOffer, type TriggerOffer } from './trigger';
import { chooseCaption, type Prefer } from './two_sources';

export interface FoundFile {
  /** Relative to what was chosen, with '/'. */
  path: string;
  /** Milliseconds since 1970; unknown for some files. */
  modified?: number;
  /** MIME type as the browser believes. */
  type?: string;
}

export interface DatasetChoices {
  /** Of text that is not Unicode. */
  encoding?: Encoding;
  /** Which caption counts where two differ; without it the newer one, and of equally old ones that of the table. */
  prefer?: Prefer;
  /** Name of the folder that was chosen itself: `10_cat` chosen directly means ten repeats, too. */
  root?: string;
  /** A table, as `read` takes it, that holds for the whole set; names in it are relative to the set. */
  metadata?: string;
}

export interface DatasetPicture {
  path: string;
  /** What is trained on: '' where there is none. */
  caption: string;
  /** The file it was read from; without it the class words stand in, or there is none. */
  captionFrom?: string;
  /** How often an epoch shows it. */
  repeats: number;
  /** The folder that gives repeats and class words: kohya's, or the dataset TOML's; '' for none. */
  subset: string;
  /** `cat photo` of `10_cat photo`. */
  classWords?: string;
}

export interface SetAside extends DatasetPicture {
  why: AsideReason;
}

export interface Dataset {
  /** 2.png before 10.png. By name alone: whether each is a sound picture, and one to train on, its reader says. */
  pictures: DatasetPicture[];
  /** Pictures that are not trained on. */
  setAside: SetAside[];
  /** Files of captions that cannot be read. */
  leftOut: Extract<DatasetNote, { kind: 'caption-file' }>[];
  /** Captions without a picture here: a page may have the pictures already. */
  alone: { sidecars: Sidecar[]; tables: Table[] };
  notes: DatasetNote[];
  /** What a person should decide. Read again with the choice; until then the first answer holds. */
  questions: {
    /** These captions are not read at all before there is an answer. */
    encoding?: { files: string[]; previews: EncodingPreview[] };
    twoSources?: TwoSources[];
  };
  trigger?: TriggerOffer;
  /** Settings files, zips, and what is none of all this. */
  configs: string[];
  zips: string[];
  unknown: string[];
}

/** Small files to read at a time. */
const AT_A_TIME = 16;
/** Files of another encoding that are shown. */
const PREVIEWS = 5;
const PREVIEW_BYTES = 4096;

/**
 * `read` gives a file's bytes; where it rejects, that file is left out and named. `readTable` may have a table read in
 * another thread. Throws only what is a fault of ours.
 */
export async function readDataset(
  files: readonly FoundFile[],
  read: (path: string) => Promise<Uint8Array>,
  choices: DatasetChoices = {},
  readTable: ReadTableFile = (...given) => Promise.resolve(readTableFile(...given)),
): Promise<Dataset> {
  const of = byKind(files);
  const pictures = inNaturalOrder(
    of.picture.map(({ path }) => path),
    (path) => path,
  );
  await pause();
  const texts = new Texts(read, readTable, choices.encoding);
  const sidecars = await readSidecars(of.caption, texts);
  const { tables, tomls, configs, unknown } = await readTables(of.table, of.config, pictures, texts, choices);
  await pause();
  const pairing = await pairCaptions(pictures, sidecars, tables);
  await pause();
  const placed = placePictures(pictures, tomls, (path) => pairing.sources.has(path), choices.root ?? '');

  const joined: string[] = sidecars.filter(({ lines = 0 }) => lines > 1).map(({ path }) => path);
  const differing: TwoSources[] = [];
  const all: { picture: DatasetPicture; why?: AsideReason }[] = [];
  const breath = new Breath();
  for (const path of pictures) {
    if (breath.due) await breath.take();
    const { why, ...place } = placed.of(path);
    const sources = pairing.sources.get(path) ?? [];
    const chosen = chooseCaption(path, sources, choices, placed.captionExtension(path));
    if (chosen?.two) differing.push(chosen.two);
    const caption = chosen ? chosen.text : (place.classWords ?? '');
    all.push({
      picture: { path, caption, ...(chosen && { captionFrom: chosen.path }), ...place },
      ...(why && { why }),
    });
  }
  const trained = all.flatMap(({ picture, why }) => (why ? [] : [picture]));
  const setAside = all.flatMap(({ picture, why }) => (why ? [{ ...picture, why }] : []));
  const trigger = triggerOffer(trained);
  const encoding = texts.question();
  const known = new Set(all.map(({ picture }) => picture.captionFrom));
  return {
    pictures: trained,
    setAside,
    leftOut: texts.broken,
    alone: { sidecars: pairing.sidecars, tables: pairing.tables },
    notes: [
      ...texts.broken,
      ...texts.brokenTomls,
      ...placed.notes,
      ...captionNotes(trained),
      ...some(
        'joined-lines',
        joined.filter((path) => known.has(path)),
      ),
      ...(differing.length > 0 ? [{ kind: 'two-captions' as const, of: differing }] : []),
      ...texts.notes(),
      ...pairing.tables.map(({ path, rows }) => ({
        kind: 'rows-alone' as const,
        path,
        files: rows.map(({ file }) => file),
      })),
      ...some(
        'captions-alone',
        pairing.sidecars.map(({ path }) => path),
      ),
      ...some(
        'zip',
        of.zip.map(({ path }) => path),
      ),
      ...(trigger ? [{ kind: 'trigger' as const, offer: trigger }] : []),
    ],
    questions: {
      ...(encoding && { encoding }),
      ...(differing.length > 0 && choices.prefer === undefined && { twoSources: differing }),
    },
    ...(trigger && { trigger }),
    configs,
    zips: of.zip.map(({ path }) => path),
    unknown: [...of.unknown.map(({ path }) => path), ...unknown],
  };
}

function byKind(files: readonly FoundFile[]) {
  const of = {
    picture: [] as FoundFile[],
    caption: [] as FoundFile[],
    table: [] as FoundFile[],
    config: [] as FoundFile[],
    zip: [] as FoundFile[],
    junk: [] as FoundFile[],
    unknown: [] as FoundFile[],
  };
  for (const file of files) of[kindOf(file.path, file.type)].push(file);
  return of;
}

async function readSidecars(files: readonly FoundFile[], texts: Texts): Promise<Sidecar[]> {
  const read = await inTurn(files, AT_A_TIME, async ({ path, modified }) => {
    const text = await texts.of(path);
    return text === undefined
      ? undefined
      : { path, ...joinLines(text), ...(modified !== undefined && { modified }) };
  });
  return read.filter((sidecar) => sidecar !== undefined);
}

interface ReadTables {
  tables: Table[];
  tomls: { path: string; toml: DatasetToml }[];
  configs: string[];
  unknown: string[];
}

async function readTables(
  tables: readonly FoundFile[],
  configs: readonly FoundFile[],
  pictures: readonly string[],
  texts: Texts,
  { metadata }: DatasetChoices,
): Promise<ReadTables> {
  const out: ReadTables = { tables: [], tomls: [], configs: [], unknown: [] };
  const stems = new Set(pictures.flatMap((path) => [path.toLowerCase(), stemOf(path).toLowerCase()]));
  const add = ({ path, modified }: FoundFile, rows: Table['rows'], ofRoot = false) =>
    out.tables.push({
      path,
      rows,
      ...(modified !== undefined && { modified }),
      ...(ofRoot && { ofRoot }),
    });

  for (const file of metadata === undefined ? tables : []) {
    const rows = await texts.table(file.path);
    if (rows) add(file, rows);
    else if (!isNamedForCaptions(nameOf(file.path))) out.unknown.push(file.path);
  }
  if (metadata !== undefined) {
    const rows = await texts.table(metadata, true);
    if (rows) add({ path: metadata }, rows, true);
  }
  for (const file of configs) {
    const { path } = file;
    const isToml = /\.toml$/i.test(path);
    if (!isToml && !/\.json$/i.test(path)) out.configs.push(path);
    // What a downloader wrote beside the picture: neither captions as they are trained on nor settings.
    else if (stems.has(stemOf(path).toLowerCase())) out.unknown.push(path);
    else {
      const toml = isToml ? await texts.toml(path) : undefined;
      const rows = isToml ? undefined : await texts.json(path);
      if (toml === 'broken') continue;
      if (toml) out.tomls.push({ path, toml });
      else if (rows && metadata === undefined) add(file, rows);
      else if (!rows) out.configs.push(path);
    }
  }
  return out;
}

/** Reads text, and remembers what could not be read and what is in another encoding. */
class Texts {
  readonly broken: Extract<DatasetNote, { kind: 'caption-file' }>[] = [];
  readonly brokenTomls: Extract<DatasetNote, { kind: 'toml-broken' }>[] = [];
  readonly #asked: { path: string; bytes: Uint8Array }[] = [];
  readonly #decoded: string[] = [];

  constructor(
    readonly read: (path: string) => Promise<Uint8Array>,
    readonly readTable: ReadTableFile,
    readonly encoding: Encoding | undefined,
  ) {}

  /** Of a caption file; undefined where there is none, which is noted. */
  async of(path: string): Promise<string | undefined> {
    const bytes = await this.#bytes(path);
    if (!bytes) return undefined;
    return this.#decode(path, bytes, (text) => captionOf(text, nameOf(path)));
  }

  /** Undefined where it is no table of captions; one not named for captions is then of something else. */
  async table(path: string, sure = false): Promise<Table['rows'] | undefined> {
    const bytes = await this.#bytes(path);
    if (!bytes) return undefined;
    const read = await this.readTable(bytes, path, this.encoding);
    switch (read.is) {
      case 'rows':
        if (read.foreign) this.#decoded.push(path);
        return read.rows;
      case 'foreign':
        this.#asked.push({ path, bytes });
        return undefined;
      case 'broken': {
        const { code, line, sentence } = read;
        if (sure || isNamedForCaptions(nameOf(path)))
          this.broken.push({ kind: 'caption-file', path, code, line, sentence });
        return undefined;
      }
      case 'other':
        return sure ? [] : undefined;
    }
  }

  /** Undefined where it is settings, or no text at all: those are named by whoever reads them. */
  async json(path: string): Promise<Table['rows'] | undefined> {
    const bytes = await this.read(path).catch(() => undefined);
    const read = bytes && (await this.readTable(bytes, path, this.encoding));
    return read?.is === 'rows' ? read.rows : undefined;
  }

  /** Undefined where it is of something else. A broken one is noted: settings it is not, as it says `[[datasets]]`. */
  async toml(path: string): Promise<DatasetToml | 'broken' | undefined> {
    const bytes = await this.read(path).catch(() => undefined);
    const read = bytes && decodeText(bytes, this.encoding);
    if (!read || !('text' in read)) return undefined;
    const line = brokenDatasetToml(read.text);
    if (line === undefined) return readDatasetToml(read.text);
    this.brokenTomls.push({ kind: 'toml-broken', path, line });
    return 'broken';
  }

  question(): Dataset['questions']['encoding'] {
    if (this.#asked.length === 0) return undefined;
    return {
      files: this.#asked.map(({ path }) => path),
      previews: encodingPreviews(this.#asked.slice(0, PREVIEWS).map(({ bytes }) => beginning(bytes))),
    };
  }

  notes(): DatasetNote[] {
    const { encoding } = this;
    return encoding && this.#decoded.length > 0 ? [{ kind: 'encoding', encoding, files: this.#decoded }] : [];
  }

  async #bytes(path: string): Promise<Uint8Array | undefined> {
    try {
      return await this.read(path);
    } catch {
      const sentence = 'It cannot be read: it may have been moved, or access is not allowed.';
      this.broken.push({ kind: 'caption-file', path, code: 'unreadable', sentence });
      return undefined;
    }
  }

  #decode<T>(path: string, bytes: Uint8Array, parse: (text: string) => T): T | undefined {
    const plain = decodeText(bytes);
    const foreign = 'problem' in plain && plain.problem === 'encoding';
    if (foreign && this.encoding === undefined) {
      this.#asked.push({ path, bytes });
      return undefined;
    }
    try {
      const parsed = parse(textOf(bytes, nameOf(path), this.encoding));
      if (foreign) this.#decoded.push(path);
      return parsed;
    } catch (error) {
      if (!(error instanceof CaptionFileError)) throw error;
      const { code, line, message: sentence } = error;
      this.broken.push({ kind: 'caption-file', path, code, line, sentence });
      return undefined;
    }
  }
}

/** Whole lines of it: half a character is of no encoding. A line feed is part of none here. */
function beginning(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= PREVIEW_BYTES) return bytes;
  const end = bytes.lastIndexOf(0x0a, PREVIEW_BYTES);
  return end > 0 ? bytes.subarray(0, end) : bytes;
}

/** Which pictures have no caption of their own; for whoever found some to be none. */
export function captionNotes(pictures: readonly DatasetPicture[]): DatasetNote[] {
  const silent: string[] = [];
  const byWords = new Map<string, string[]>();
  for (const { path, caption, captionFrom, classWords } of pictures) {
    if (caption === '') silent.push(path);
    else if (captionFrom === undefined && classWords) {
      const named = byWords.get(classWords);
      if (named) named.push(path);
      else byWords.set(classWords, [path]);
    }
  }
  return [
    ...[...byWords].map(([words, pictures]) => ({ kind: 'class-words' as const, words, pictures })),
    ...(silent.length > 0 ? [{ kind: 'no-caption' as const, pictures: silent }] : []),
  ];
}

function some<K extends 'joined-lines' | 'captions-alone' | 'zip'>(kind: K, files: string[]) {
  return files.length > 0 ? [{ kind, files }] : [];
}
