/**
 * Captions for a folder of pictures, as metadata.csv has them: what is there already is joined with what the captioner
 * proposes, and of a table that is there only the rows of these pictures change. Not the command line, which is label.ts.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { merged, type MergeMode } from '../src/formats/captions/caption_merge';
import { textOf } from '../src/formats/dataset/caption_file';
import { editCsvTable, formatMetadataCsv, readCsvTable } from '../src/formats/dataset/metadata_csv';
import { noteWords } from '../src/formats/dataset/notes';
import { pairCaptions } from '../src/formats/dataset/pairing';
import { withTrigger } from '../src/formats/dataset/trigger';
import type { CaptionEvent, CaptionImage, CaptionOptions, Captioner } from '../src/protocol/captioner';
import { readFolder, type FolderOptions } from './image_folder';
import { ImageFolderError } from './images';

export interface Labelled {
  /** The new metadata.csv: all pictures in it, those without a caption with an empty one, and every row there was. */
  csv: string;
  pictures: number;
  /** How many captions differ from what was there. */
  changed: number;
  /** Pictures that could not be read, each a sentence. */
  notes: string[];
}

/** The table that is to be written, as it is now. */
export interface ExistingTable {
  path: string;
  bytes: Uint8Array;
}

/**
 * `captioner` has its model open. Pictures that have a caption are not looked at where `mode` is only-empty. A table
 * outside of the folder counts before every caption in it; one in the folder as formats/dataset says. `say` gets what is to
 * be known about the folder.
 * @throws ImageFolderError, CaptionFileError
 */
export async function labelFolder(
  dir: string,
  captioner: Captioner,
  options: CaptionOptions,
  mode: MergeMode,
  countTokens: (text: string) => number,
  existing: ExistingTable | undefined,
  onEvent: (event: CaptionEvent, name: string) => void = () => undefined,
  choices: Pick<FolderOptions, 'encoding' | 'prefer'> = {},
  say: (line: string) => void = () => undefined,
): Promise<Labelled> {
  const { set } = await readFolder(dir, choices);
  if (set.pictures.length === 0) {
    throw new ImageFolderError(
      'no-images',
      `There are no pictures in ${dir}. Give a folder with PNG, JPEG or WebP files.`,
    );
  }
  for (const note of set.notes) {
    // Captions that are missing are what is about to be made, and repeats are no matter here.
    if (!['no-caption', 'class-words', 'repeats', 'no-repeats-number'].includes(note.kind))
      say(noteWords(note).en);
  }
  const table = existing && (await readExisting(existing, dir, set.pictures, choices));
  const images = set.pictures.map(({ path, caption, captionFrom }) => {
    const row = table?.rows.get(path);
    const own = captionFrom === undefined ? '' : caption;
    return { name: path, caption: (table?.outside && row?.text) || own, row: row?.index };
  });
  const wanted = images.filter(({ caption }) => mode !== 'only-empty' || caption.trim() === '');
  const notes: string[] = [];
  const { proposals } = await captioner.caption(
    await Promise.all(wanted.map(({ name }) => opened(dir, name))),
    options,
    (event) => {
      const name = event.kind === 'failed' ? event.id : event.proposal.id;
      if (event.kind === 'failed') notes.push(event.sentence);
      onEvent(event, name);
    },
  );
  const trigger = options.trigger.trim().replace(/\s+/g, ' ');
  // A captioner that was asked before also tells what it proposed then.
  const asked = new Set(wanted.map(({ name }) => name));
  const proposed = new Map(
    proposals.filter(({ id }) => asked.has(id)).map(({ id, caption }) => [id, caption]),
  );
  let changed = 0;
  const changes = new Map<number, string>();
  const added: { file: string; text: string }[] = [];
  for (const { name, caption, row } of images) {
    const proposal = proposed.get(name);
    const text =
      proposal === undefined
        ? caption
        : withTrigger(
            merged(caption, proposal, mode, (longer) => countTokens(withTrigger(longer, trigger))),
            trigger,
          );
    if (text !== caption) changed++;
    if (row === undefined || changes.has(row)) added.push({ file: name, text });
    else if (text !== caption) changes.set(row, text);
  }
  const csv = table ? editCsvTable(table.text, changes, added) : formatMetadataCsv(added);
  return { csv, pictures: images.length, changed, notes };
}

async function readExisting(
  { path, bytes }: ExistingTable,
  dir: string,
  pictures: readonly { path: string }[],
  { encoding }: Pick<FolderOptions, 'encoding'>,
) {
  const text = textOf(bytes, basename(path), encoding);
  const inside = relative(dir, path).split(sep).join('/');
  const { rows } = readCsvTable(text, basename(path));
  const index = new Map(rows.map(({ line }, i) => [line, i]));
  const paths = pictures.map((picture) => picture.path);
  const { sources } = await pairCaptions(paths, [], [{ path: inside, rows, ofRoot: true }]);
  const byPicture = new Map(
    [...sources].flatMap(([picture, [source]]) => {
      const at = source?.line === undefined ? undefined : index.get(source.line);
      return at === undefined ? [] : [[picture, { index: at, text: source.text }] as const];
    }),
  );
  return { text, rows: byPicture, outside: inside.startsWith('..') };
}

async function opened(dir: string, name: string): Promise<CaptionImage> {
  const bytes = await readFile(join(dir, name));
  const digest = createHash('sha256').update(bytes).digest('hex');
  return { id: name, name, digest, file: new Blob([bytes]) };
}
