/**
 * What the page and the pictures workers say to each other: a file goes in, and out comes what the studio needs to
 * know of it, or why it is no picture to train on. Bytes cross as Blobs.
 */

/** What a picture may be. */
export const pictureLimits = {
  /** Shorter side, pixels: below it there is nothing to learn from. */
  minSide: 64,
  /** Decoded, it takes four bytes a pixel. */
  maxPixels: 64 * 2 ** 20,
  /** Longer side over shorter. */
  maxAspect: 16,
  maxBytes: 512 * 2 ** 20,
  /** Longest side, pixels. */
  thumbnailSide: 384,
} as const;

/** Why a file is no picture to train on. */
export type Refusal =
  | 'empty'
  /** The browser could not read it: moved, deleted or not allowed since it was chosen. */
  | 'unreadable'
  | 'unknown-type'
  | 'heic'
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
