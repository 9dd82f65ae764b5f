/** A picture whose file the browser has let go of, though its record is there. Said in Chinese by error_sentences.ts. */
export class PictureMissingError extends Error {
  override readonly name = 'PictureMissingError';
  readonly code = 'gone';
  readonly facts: { picture: string };
  constructor(picture: string) {
    super(
      `The file of ${picture} is missing from this browser's storage. Remove the picture and add it again.`,
    );
    this.facts = { picture };
  }
}
