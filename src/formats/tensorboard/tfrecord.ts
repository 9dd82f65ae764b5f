/**
 * TFRecord, the framing of event files: length (8 bytes, little-endian), its masked CRC-32C, the bytes, theirs. A writer
 * that was killed leaves half a record at the end; that is no fault of what is before it.
 */
import type { ByteSource } from '../safetensors/byte_source';
import { joined } from '../protobuf/wire';
import { maskedCrc32c } from './crc32c';

const HEAD = 12;
const TAIL = 4;
/** A sample of 4096 x 4096 as a PNG takes a fifth of it. */
const LONGEST = 256 * 2 ** 20;

export class EventFileError extends Error {
  override readonly name = 'EventFileError';
  constructor(
    readonly code: 'damaged' | 'too-large',
    /** Where the record begins. */
    readonly offset: number,
  ) {
    super(
      code === 'damaged'
        ? `This is no event file, or it is damaged: the record at byte ${offset} does not match its checksum.`
        : `The record at byte ${offset} is larger than any that is read.`,
    );
  }
}

export function frame(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(payload.length), true);
  return joined([length, checksum(length), payload, checksum(payload)]);
}

/**
 * The payloads in order, up to half a record at the end; `skip` says of which lengths only undefined is given, unread.
 * Throws EventFileError where a checksum does not match.
 */
export async function* readRecords(
  source: ByteSource,
  skip: (length: number) => boolean = () => false,
): AsyncGenerator<Uint8Array | undefined> {
  for (let at = 0; at + HEAD <= source.byteLength;) {
    const head = new Uint8Array(await source.slice(at, at + HEAD));
    const view = new DataView(head.buffer);
    if (view.getUint32(8, true) !== maskedCrc32c(head.subarray(0, 8)))
      throw new EventFileError('damaged', at);
    const length = Number(view.getBigUint64(0, true));
    const end = at + HEAD + length + TAIL;
    if (end > source.byteLength) return;
    if (skip(length)) yield undefined;
    else {
      if (length > LONGEST) throw new EventFileError('too-large', at);
      const bytes = new Uint8Array(await source.slice(at + HEAD, end));
      const payload = bytes.subarray(0, length);
      if (new DataView(bytes.buffer).getUint32(length, true) !== maskedCrc32c(payload))
        throw new EventFileError('damaged', at);
      yield payload;
    }
    at = end;
  }
}

function checksum(bytes: Uint8Array): Uint8Array {
  const four = new Uint8Array(4);
  new DataView(four.buffer).setUint32(0, maskedCrc32c(bytes), true);
  return four;
}
