/**
 * What the page and the pictures workers say to each other: a file goes in, and out comes what the studio needs to
 * know of it, or why it is no picture to train on. Bytes cross as Blobs.
 */

/** Why a file is no picture to train on. */
export type Refusal =
  | 'empty'
  /** The browser could not read it: moved, deleted or not allowed since it was chosen. */
  | 'unreadable'
  | 'unknown-type'
  /** Pictures that are not decoded here, each to be converted. */
  | 'heic'
  | 'tiff'
  | 'jxl'
  | 'jpeg-2000'
  | 'svg'
  | 'psd'
  | 'avif'
  | 'bmp'
  | 'too-small'
  | 'too-large'
  | 'too-narrow'
  | 'not-decodable';

export interface PictureFacts {
  /** Upright, in pixels. */
  width: number;
  height: number;
  /** MIME type, told from the content. */
  type: string;
  /** SHA-256 of the file, in hex. */
  digest: string;
  /** 64-bit difference hash, in hex. */
  look: string;
  /** JPEG, upright, alpha over white. */
  thumbnail: Blob;
}

export type PictureReading = { ok: true; facts: PictureFacts } | { ok: false; refusal: Refusal };

/** A pictures worker. Asked one file at a time; several workers share an import. */
export interface PictureReader {
  /** Never rejects for what is in the file. */
  read(file: Blob): Promise<PictureReading>;
}
