/**
 * The first half of an import: zips listed, the set read (formats/dataset says what each file means), and what only a
 * person can decide asked. After it the pictures are known by path and caption; none has been opened.
 */
import { inTurn } from '../../../formats/dataset/at_a_time';
import {
  readDataset,
  type Dataset,
  type DatasetChoices,
  type DatasetPicture,
  type FoundFile,
} from '../../../formats/dataset/dataset';
import { kindOf, type FileKind } from '../../../formats/dataset/kinds';
import type { DatasetNote } from '../../../formats/dataset/notes';
import type { TriggerOffer } from '../../../formats/dataset/trigger';
import { maxTextBytes } from '../../../formats/dataset/text';
import type { Incoming } from './incoming';
import { listed, type Listed } from './listed';
import { captionFile, type Reject } from './outcome';
import { encodingQuestion, type Ask } from './questions';
import { readTable } from './read_table';

/** Small files to open at a time. */
const AT_A_TIME = 16;
const TEXTS = new Set<FileKind>(['caption', 'table', 'config']);
/** Larger ones are read again rather than kept while questions are asked. */
const KEPT_BYTES = 2 ** 20;

export interface PictureToRead extends DatasetPicture {
  from: Incoming;
}

export interface Sorted {
  /** 2.png before 10.png. */
  pictures: PictureToRead[];
  configs: Incoming[];
  /** Captions of no picture among them: perhaps of pictures that are in the project. */
  alone: Dataset['alone'];
  notes: DatasetNote[];
  trigger?: TriggerOffer;
  rejects: Reject[];
}

/** Undefined if the person ended the import when asked. */
export async function sortIncoming(
  incoming: readonly Incoming[],
  takesConfigs: boolean,
  ask: Ask,
): Promise<Sorted | undefined> {
  let list = await listed(incoming);
  const texts = new Texts();
  let choices: DatasetChoices = {};
  let dataset = await texts.readAll(list, choices);
  const unread = dataset.questions.encoding?.files ?? [];
  const question = encodingQuestion(list.foreignNames, dataset.questions.encoding);
  let leftOut: string[] = [];
  if (question) {
    const answer = await ask(question);
    if (!answer) return undefined;
    if ('encoding' in answer && answer.encoding) {
      choices = { ...choices, encoding: answer.encoding };
      if (list.foreignNames.length > 0) list = await listed(incoming, answer.encoding);
      dataset = await texts.readAll(list, choices);
    } else leftOut = unread;
  }
  if (dataset.questions.twoSources) {
    const answer = await ask({ kind: 'two-sources', of: dataset.questions.twoSources });
    if (!answer) return undefined;
    if ('prefer' in answer && answer.prefer !== 'newer') {
      dataset = await texts.readAll(list, { ...choices, prefer: answer.prefer });
    }
  }
  return sorted(dataset, list, takesConfigs, leftOut, texts.tooLarge);
}

function sorted(
  dataset: Dataset,
  list: Listed,
  takesConfigs: boolean,
  leftOut: readonly string[],
  tooLarge: ReadonlySet<string>,
): Sorted {
  const byPath = new Map(list.files.map((one) => [one.path, one]));
  const file = (path: string) => byPath.get(path) ?? [];
  // A data set's TOML without a picture in sight is settings, if anything.
  const alone = dataset.pictures.length + dataset.setAside.length === 0;
  const tomls = alone ? dataset.notes.flatMap((note) => (isOfToml(note) ? [note.path] : [])) : [];
  const configs = [...dataset.configs, ...tomls];
  const unknown = [...dataset.unknown, ...(takesConfigs ? [] : configs)];
  return {
    pictures: dataset.pictures.flatMap((picture) => {
      const from = byPath.get(picture.path);
      return from ? [{ ...picture, from }] : [];
    }),
    configs: takesConfigs ? configs.flatMap(file) : [],
    alone: dataset.alone,
    notes: dataset.notes.filter((note) => SAID.has(note.kind) && !(alone && isOfToml(note))),
    ...(dataset.trigger && { trigger: dataset.trigger }),
    rejects: [
      ...list.rejects,
      ...unknown.map((path) => ({ path, reason: 'unknown-type' as const })),
      ...dataset.leftOut.map(({ path, code, line, sentence }): Reject => {
        if (tooLarge.has(path)) return captionFile(path, 'too-large', 'It is over 16 MiB: no caption file.');
        if (code === 'unreadable') return { path, reason: 'unreadable' };
        return captionFile(path, code, sentence, line);
      }),
      ...leftOut.map((path) => captionFile(path, 'encoding', 'It is not UTF-8, and no encoding was chosen.')),
    ],
  };
}

function isOfToml(note: DatasetNote): note is Extract<DatasetNote, { kind: 'toml' | 'toml-broken' }> {
  return note.kind === 'toml' || note.kind === 'toml-broken';
}

/** The other kinds are said in their own place: by the tabs, among the files that were not added, as an offer. */
const SAID = new Set<DatasetNote['kind']>([
  'repeats',
  'no-repeats-number',
  'class-words',
  'joined-lines',
  'two-captions',
  'encoding',
  'aside',
  'toml',
  'toml-broken',
]);

/** Opens the texts of an import; small ones once, however often they are asked for. */
class Texts {
  readonly #bytes = new Map<Incoming['open'], Uint8Array>();
  readonly tooLarge = new Set<string>();
  readonly #opened = new Map<string, File | undefined>();

  async readAll(list: Listed, choices: DatasetChoices): Promise<Dataset> {
    const byPath = new Map(list.files.map((one) => [one.path, one]));
    const files = await inTurn(list.files, AT_A_TIME, (one) => this.#found(one));
    return readDataset(files, (path) => this.#read(byPath.get(path)), choices, readTable);
  }

  /** A dropped file has no time before it is opened; only those of captions matter, and are asked one by one. */
  async #found(one: Incoming): Promise<FoundFile> {
    const { path, type } = one;
    if (!TEXTS.has(kindOf(path, type))) return { path, type };
    if (!('modified' in one) && !this.#opened.has(path)) {
      const file = await one.open().catch(() => undefined);
      this.#opened.set(path, file instanceof File ? file : undefined);
    }
    const file = this.#opened.get(path);
    return {
      path,
      type,
      get modified() {
        return file ? file.lastModified : one.modified;
      },
    };
  }

  async #read(one: Incoming | undefined): Promise<Uint8Array> {
    if (!one) throw new Error('There is no such file.');
    // By what its zip or folder says: such a text is never unpacked to find that out.
    if ((one.size ?? 0) > maxTextBytes) this.tooLarge.add(one.path);
    if (this.tooLarge.has(one.path)) throw new RangeError('It is too large for a text.');
    const kept = this.#bytes.get(one.open);
    if (kept) return kept;
    const bytes = new Uint8Array(await (await one.open()).arrayBuffer());
    if (bytes.length <= KEPT_BYTES) this.#bytes.set(one.open, bytes);
    return bytes;
  }
}
