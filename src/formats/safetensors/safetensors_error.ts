// Why a file is refused as safetensors: the error, and the other formats that people take for one, told by
// their first bytes. None of those is ever opened further.

export type SafetensorsErrorCode =
  | 'too-small'
  | 'pickle'
  | 'zip'
  | 'gguf'
  | 'picture'
  | 'text'
  | 'not-safetensors'
  | 'header-too-large'
  /** More than any model's holds, though the format would allow it. */
  | 'header-too-much'
  | 'truncated'
  | 'invalid-utf8'
  | 'invalid-json'
  | 'duplicate-name'
  | 'invalid-metadata'
  | 'invalid-entry'
  | 'unknown-dtype'
  | 'size-overflow'
  | 'size-mismatch'
  | 'invalid-offsets'
  | 'trailing-bytes'
  | 'invalid-name';

/** Why a file is refused: a sentence, and the byte offset with what was expected and found there. */
export class SafetensorsError extends Error {
  override name = 'SafetensorsError';
  constructor(
    readonly code: SafetensorsErrorCode,
    sentence: string,
    readonly offset: number,
    readonly expected: string,
    readonly got: string,
  ) {
    super(`${sentence} At byte ${offset}: expected ${expected}, got ${got}.`);
  }

  get facts() {
    return { offset: this.offset, expected: this.expected, got: this.got };
  }
}

/** Throws SafetensorsError where `first` (the first 16 bytes, or all) is the mark of another format. */
export function refuseOtherFormats(first: Uint8Array, size: number): void {
  const start = String.fromCharCode(...first);
  const refuse = (code: SafetensorsErrorCode, sentence: string): never => {
    throw new SafetensorsError(code, sentence, 0, 'a safetensors header', quoteBytes(first));
  };
  // Any of these marks may also be the low bytes of a true header length: four zero bytes and a brace follow.
  if (size > 8 && start.slice(4, 9) === '\0\0\0\0{') return;
  const redo = 'Get the .safetensors version of the model, or convert it with a tool you trust.';
  if (size < 8) {
    refuse('too-small', 'This file is too small to be a safetensors file. Download it again.');
  } else if (start.startsWith('PK\x03\x04')) {
    refuse(
      'zip',
      `This is a zip archive (.ckpt, .pt and .zip files are); it can run code when loaded, so it is never opened. ${redo}`,
    );
  } else if (start.startsWith('GGUF')) {
    refuse('gguf', `This is a GGUF file, a quantised model that cannot be trained on. ${redo}`);
  } else if (first[0] === 0x80 && first[1] <= 5) {
    refuse(
      'pickle',
      `This is a Python pickle (an old .ckpt or .pt); it can run code when loaded, so it is never opened. ${redo}`,
    );
  } else if (/^(\x89PNG\r\n|\xff\xd8\xff|GIF8|RIFF[^]{4}WEBP)/.test(start)) {
    refuse(
      'picture',
      'This is a picture, not a model, whatever its name says. Choose the .safetensors file.',
    );
  } else if (/^(version |<!DOCTYP|<!doctyp|<html)/.test(start)) {
    refuse('text', 'This is a text file that a download left in place of the model. Download it again.');
  }
}

/** Up to eight bytes in hex, for an error. */
export function quoteBytes(bytes: Uint8Array): string {
  return `bytes ${Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(' ')}`;
}
