/**
 * Captions for a folder of pictures, as metadata.csv has them: what is there already is joined with what the captioner
 * proposes. Not the command line, which is label.ts.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { merged, type MergeMode } from '../src/formats/caption_merge';
import { fileKey } from '../src/formats/dataset/kinds';
import { formatMetadataCsv, parseMetadataCsv } from '../src/formats/dataset/metadata_csv';
import type { CaptionEvent, CaptionImage, CaptionOptions, Captioner } from '../src/protocol/captioner';
import { imagesWithSidecars, ImageFolderError } from './images';

export interface Labelled {
  /** The new metadata.csv, all pictures in it, those without a caption with an empty one. */
  csv: string;
  pictures: number;
  /** How many captions differ from what was there. */
  changed: number;
  /** What was left out, each a sentence. */
  notes: string[];
}

/**
 * `captioner` has its model open. `existing` is metadata.csv's text, if there is one; it wins over .txt files. Pictures
 * that have a caption are not looked at where `mode` is only-empty.
 * @throws ImageFolderError, CaptionFileError
 */
export async function labelFolder(
  dir: string,
  captioner: Captioner,
  options: CaptionOptions,
  mode: MergeMode,
  countTokens: (text: string) => number,
  existing: Uint8Array | undefined,
  onEvent: (event: CaptionEvent, name: string) => void = () => undefined,
): Promise<Labelled> {
  const rows = new Map(
    existing ? parseMetadataCsv(existing).map(({ file, text }) => [fileKey(file), text]) : [],
  );
  const images = (await imagesWithSidecars(dir)).map(({ name, caption }) => ({
    name,
    caption: rows.get(fileKey(name)) ?? caption,
  }));
  if (images.length === 0) {
    throw new ImageFolderError(
      'no-images',
      `There are no pictures in ${dir}. Give a folder with PNG, JPEG or WebP files.`,
    );
  }
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
  const proposed = new Map(
    proposals.map(({ id, caption }) => [id, [trigger, caption].filter(Boolean).join(', ')]),
  );
  let changed = 0;
  const lines = images.map(({ name, caption }) => {
    const text = merged(caption, proposed.get(name) ?? '', mode, countTokens);
    if (text !== caption) changed++;
    return { file: name, text };
  });
  return { csv: formatMetadataCsv(lines), pictures: images.length, changed, notes };
}

async function opened(dir: string, name: string): Promise<CaptionImage> {
  const bytes = await readFile(join(dir, name));
  const digest = createHash('sha256').update(bytes).digest('hex');
  return { id: name, name, digest, file: new Blob([bytes]) };
}
