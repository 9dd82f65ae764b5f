/** Why a zip, or one file in it, is not opened. */

export type ZipErrorCode =
  | 'not-zip'
  | 'broken'
  | 'too-many'
  | 'too-large'
  | 'overlap'
  | 'unsafe-name'
  | 'encrypted'
  | 'method'
  | 'ratio'
  /** One file that unpacks to more than any picture takes. */
  | 'file-too-large'
  /** Of writing one: more than the format holds. */
  | 'too-much';

export class ZipError extends Error {
  override name = 'ZipError';
  readonly facts = {};
  constructor(
    readonly code: ZipErrorCode,
    sentence: string,
  ) {
    super(sentence);
  }
}
