/** What became of the files of one import, to be told by the screen in its language. */
import { CaptionFileError, type CaptionErrorCode } from '../../../formats/dataset/caption_file';
import type { DatasetNote } from '../../../formats/dataset/notes';
import type { TriggerOffer } from '../../../formats/dataset/trigger';
import { ZipError, type ZipErrorCode } from '../../../formats/zip/zip_error';
import type { Refusal } from '../../../protocol/pictures';

export type RejectReason =
  | Refusal
  /** A caption file that cannot be read: `code` and `line` say why. */
  | 'caption-file'
  /** A caption whose picture is neither in the drop nor in the project. */
  | 'caption-alone'
  /** A zip, or a file in one: `code` says why. */
  | 'zip'
  | 'zip-in-zip';

export interface Reject {
  path: string;
  reason: RejectReason;
  code?: CaptionErrorCode | ZipErrorCode;
  line?: number;
  /** Of a zip: English, with what to do; where the reason alone does not say it. */
  sentence?: string;
  /** Of a caption file: what there is to say of it. */
  note?: DatasetNote;
}

export interface Outcome {
  /** Pictures that are new in the project, those set aside included. */
  added: number;
  duplicates: number;
  nearDuplicates: number;
  /** Files that were in the project already, under this name. */
  already: number;
  /** Pictures, new and old, that got a caption from a file. */
  captioned: number;
  /** What the folders and captions were taken for. */
  notes: DatasetNote[];
  /** Words that the set itself names as its trigger. */
  trigger?: TriggerOffer;
  configs: number;
  rejects: { reason: RejectReason; files: Reject[] }[];
  /** Not all was looked at: the sentence, or that the person ended it. */
  stopped?: { by: 'person' } | { by: 'error'; error: Error };
}

export function grouped(rejects: readonly Reject[]): Outcome['rejects'] {
  const groups = new Map<RejectReason, Reject[]>();
  for (const reject of rejects) {
    const group = groups.get(reject.reason);
    if (group) group.push(reject);
    else groups.set(reject.reason, [reject]);
  }
  return [...groups]
    .map(([reason, files]) => ({ reason, files }))
    .sort((a, b) => b.files.length - a.files.length);
}

/** Why a file could not be opened or understood. */
export function unopened(path: string, error: unknown): Reject {
  if (error instanceof ZipError) return { path, reason: 'zip', code: error.code, sentence: error.message };
  if (error instanceof CaptionFileError) {
    return captionFile(path, error.code, error.message, error.line);
  }
  return { path, reason: 'unreadable' };
}

/** `sentence` is English, with what to do. */
export function captionFile(path: string, code: CaptionErrorCode, sentence: string, line?: number): Reject {
  const note: DatasetNote = {
    kind: 'caption-file',
    path,
    code,
    sentence,
    ...(line !== undefined && { line }),
  };
  return { path, reason: 'caption-file', code, ...(line !== undefined && { line }), note };
}
