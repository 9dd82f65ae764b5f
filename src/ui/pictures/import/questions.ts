/**
 * What an import asks before it goes on, and what may be answered. Answers hold for this import; asking is the screen's
 * (`ImportQuestion.svelte`).
 */
import type { TwoSources } from '../../../formats/dataset/notes';
import { encodingPreviews, type Encoding, type EncodingPreview } from '../../../formats/dataset/text';
import type { Prefer } from '../../../formats/dataset/two_sources';

export type ImportQuestion =
  /** Captions, or names in a zip, whose encoding nothing tells. `captions`: how many files of them. */
  | { kind: 'encoding'; captions: number; names: number; previews: EncodingPreview[] }
  /** Two files say different things of one picture. */
  | { kind: 'two-sources'; of: TwoSources[] };

/** Without an encoding the captions stay out, and names are read as GBK. */
export type Answer = { encoding?: Encoding } | { prefer: Prefer };

/** Undefined: the person ended the import. */
export type Ask = (question: ImportQuestion) => Promise<Answer | undefined>;

/** Names that are shown. */
const NAMES = 3;

/** Undefined where every text and name says its encoding. An encoding is offered if all that is shown may be in it. */
export function encodingQuestion(
  names: readonly Uint8Array[],
  texts: { files: string[]; previews: EncodingPreview[] } | undefined,
): ImportQuestion | undefined {
  if (names.length === 0 && !texts) return undefined;
  const ofNames = encodingPreviews(names.slice(0, NAMES));
  const shown = (encoding: Encoding) => ofNames.find((each) => each.encoding === encoding);
  const both = (texts?.previews ?? ofNames.map(({ encoding }) => ({ encoding, texts: [] }))).flatMap(
    ({ encoding, texts: said }) => {
      const named = shown(encoding);
      return named ? [{ encoding, texts: [...named.texts, ...said] }] : [];
    },
  );
  // Names of one encoding over texts of another: the texts count.
  const previews = both.length > 0 ? both : (texts?.previews ?? ofNames);
  return { kind: 'encoding', captions: texts?.files.length ?? 0, names: names.length, previews };
}
