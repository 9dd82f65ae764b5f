// Where bytes come from: anything that knows its length and hands out slices. A `Blob` (a File the person
// picked), an ArrayBuffer (a test) and a file handle in Node all fit, and no reader ever needs the whole.

/** Random-access bytes. `slice` is half-open, `[start, end)` in bytes, and copies. */
export interface ByteSource {
  readonly byteLength: number;
  slice(start: number, end: number): ArrayBuffer | Promise<ArrayBuffer>;
}

/** The bytes of a Blob or File; nothing is read until `slice` is called. Rejects as `Blob.arrayBuffer` does. */
export function fromBlob(blob: Blob): ByteSource {
  return {
    byteLength: blob.size,
    slice: (start, end) => blob.slice(start, end).arrayBuffer(),
  };
}

/** The bytes of a typed array's window, as a source (an ArrayBuffer is one by itself). */
export function fromBytes(bytes: Uint8Array): ByteSource {
  return {
    byteLength: bytes.byteLength,
    slice: (start, end) => bytes.slice(start, end).buffer,
  };
}
