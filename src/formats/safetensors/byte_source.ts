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

/**
 * The same bytes for a reader of many small pieces that follow each other: to ask a Blob or a file for each takes a hundred
 * times as long as to read it. What is longer than half a window is passed on.
 */
export function inWindows(source: ByteSource, windowBytes = 2 ** 18): ByteSource {
  let from = 0;
  let held = new ArrayBuffer(0);
  return {
    byteLength: source.byteLength,
    async slice(start, end) {
      if (end - start > windowBytes / 2) return source.slice(start, end);
      if (start < from || end > from + held.byteLength) {
        from = start;
        held = await source.slice(start, Math.min(source.byteLength, start + windowBytes));
      }
      return held.slice(start - from, end - from);
    },
  };
}
