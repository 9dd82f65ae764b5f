// Reads the header of a safetensors file, and nothing else of it: names, dtypes, shapes and byte ranges, all
// checked before anyone allocates. It refuses what the reference implementation refuses (header over 100 MB,
// holes, overlaps, sizes that do not match, uncovered bytes), and, as the format's text demands, duplicate
// names and a header that does not begin with `{`. Format: github.com/huggingface/safetensors, README. Long because
// each refusal has its sentence.
import type { ByteSource } from './byte_source';
import {
  quoteBytes,
  refuseOtherFormats,
  SafetensorsError,
  type SafetensorsErrorCode,
} from './safetensors_error';
import { JsonError, parseStrictJson, toCount, type JsonObject, type JsonValue } from './strict_json';

/** Bits an element takes, in the reference implementation's alignment order, which the writer sorts by. */
export const dtypeBits = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

export type Dtype = keyof typeof dtypeBits;

const floatDtypes = ['F8_E4M3', 'F8_E5M2', 'F16', 'BF16', 'F32', 'F64'] as const satisfies readonly Dtype[];

/** Floats that can be read; conversions are in halves.ts. */
export type FloatDtype = (typeof floatDtypes)[number];

export function isFloatDtype(dtype: Dtype): dtype is FloatDtype {
  return (floatDtypes as readonly Dtype[]).includes(dtype);
}

/** One tensor: `[start, end)` are byte offsets from the beginning of the file. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/** A checked header. `tensors` is in the order of the data; `dataStart` is the byte after the header. */
export interface SafetensorsFile {
  readonly metadata: Record<string, string>;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly dataStart: number;
}

/** The reference implementation's limit, in bytes: beyond it the file is no safetensors file. */
const mostHeaderBytes = 100_000_000;
/**
 * What is read of such files here. The header of a base model takes 0.5 MB; that of a LoRA, and of a saved state, grows
 * with the pictures named in its metadata, to a few MB. One long text is cheap; many values are not, and have a bound too.
 */
export const headerLimits = {
  bytes: 32 * 2 ** 20,
  tensors: 50_000,
  /** Units of a tensor's name. */
  name: 1000,
  /** Sides of a tensor. */
  rank: 16,
} as const;

/**
 * Reads and checks the header of `source`. Reads the first 8 bytes, then the header; never tensor data.
 * Throws SafetensorsError; passes on what `source.slice` throws.
 */
export async function readHeader(source: ByteSource): Promise<SafetensorsFile> {
  const size = source.byteLength;
  const first = new Uint8Array(await source.slice(0, Math.min(size, 16)));
  refuseOtherFormats(first, size);
  const headerBytes = readHeaderLength(first, size);
  const bytes = await source.slice(8, 8 + headerBytes);
  return parseHeader(decode(bytes), 8 + headerBytes, size);
}

function readHeaderLength(first: Uint8Array, size: number): number {
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true);
  if (length > BigInt(mostHeaderBytes)) {
    throw new SafetensorsError(
      'header-too-large',
      'This is not a safetensors file, or its beginning is damaged. Download it again.',
      0,
      `a header of at most ${mostHeaderBytes} bytes`,
      `a length of ${length}`,
    );
  }
  const headerBytes = Number(length);
  if (first[8] !== undefined && headerBytes > 0 && first[8] !== 0x7b) {
    throw new SafetensorsError(
      'not-safetensors',
      'This is not a safetensors file, or its beginning is damaged. Download it again.',
      8,
      'a header that begins with "{"',
      quoteBytes(first.subarray(8)),
    );
  }
  if (8 + headerBytes > size) throw truncated(0, `${8 + headerBytes} bytes for the header`, size);
  if (headerBytes > headerLimits.bytes)
    throw tooMuch(`a header of at most ${headerLimits.bytes} bytes`, `${headerBytes} bytes`);
  return headerBytes;
}

function decode(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new SafetensorsError(
      'invalid-utf8',
      'The header is damaged. Download the file again.',
      8,
      'UTF-8 text',
      'bytes that are not UTF-8',
    );
  }
}

function parseHeader(text: string, dataStart: number, size: number): SafetensorsFile {
  const header = parseObject(text);
  const metadata = readMetadata(header.get('__metadata__'));
  if (header.size > headerLimits.tensors + 1)
    throw tooMuch(`at most ${headerLimits.tensors} tensors`, `${header.size}`);
  const entries: TensorEntry[] = [];
  for (const [name, value] of header) {
    if (name !== '__metadata__') entries.push(readEntry(name, value, dataStart));
  }
  entries.sort((a, b) => a.start - b.start || a.end - b.end);
  checkCoverage(entries, dataStart, size);
  return { metadata, tensors: new Map(entries.map((entry) => [entry.name, entry])), dataStart };
}

function parseObject(text: string): JsonObject {
  try {
    const header = parseStrictJson(text);
    if (header instanceof Map) return header;
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    if (error.code === 'values') throw tooMuch(error.expected, 'more');
    const offset = 8 + new TextEncoder().encode(text.slice(0, error.position)).length;
    const duplicate = error.code === 'duplicate';
    throw new SafetensorsError(
      duplicate ? 'duplicate-name' : 'invalid-json',
      duplicate
        ? 'The header names something twice, so it is not clear which data is meant. Get the file from its author again.'
        : 'The header is damaged. Download the file again.',
      offset,
      error.expected,
      error.got,
    );
  }
  throw new SafetensorsError('invalid-json', 'The header is damaged.', 8, 'a JSON object', quoteText(text));
}

function readMetadata(value: JsonValue | undefined): Record<string, string> {
  if (value === undefined || value === null) return {};
  const refuse = (expected: string): never => {
    throw new SafetensorsError(
      'invalid-metadata',
      'The metadata of this file is not what the format allows.',
      8,
      expected,
      'something else',
    );
  };
  if (!(value instanceof Map)) return refuse('__metadata__ to be an object of strings');
  const pairs: [string, string][] = [];
  for (const [key, entry] of value) {
    pairs.push([
      key,
      typeof entry === 'string' ? entry : refuse(`a string for __metadata__."${key.slice(0, 80)}"`),
    ]);
  }
  // fromEntries defines own properties, so a key called __proto__ stays a key.
  return Object.fromEntries(pairs);
}

function readEntry(name: string, value: JsonValue, dataStart: number): TensorEntry {
  const refuse = (code: SafetensorsErrorCode, expected: string, got: string, offset = 8): never => {
    throw new SafetensorsError(
      code,
      `The header's entry for "${name.slice(0, 120)}" is wrong.`,
      offset,
      expected,
      got,
    );
  };
  if (name.length > headerLimits.name)
    return refuse('invalid-name', `a name of at most ${headerLimits.name} letters`, `${name.length}`);
  if (!(value instanceof Map))
    return refuse('invalid-entry', 'an object with dtype, shape, data_offsets', 'no object');
  const dtype = value.get('dtype');
  if (typeof dtype !== 'string') return refuse('invalid-entry', 'dtype as a string', 'none');
  if (!isDtype(dtype)) return refuse('unknown-dtype', 'a dtype of the format', quoteText(dtype));
  const shape = readCounts(value.get('shape'));
  if (!shape) return refuse('invalid-entry', 'shape as a list of whole numbers', 'something else');
  if (shape.length > headerLimits.rank)
    return refuse('invalid-entry', `a shape of at most ${headerLimits.rank} sides`, `${shape.length}`);
  const offsets = readCounts(value.get('data_offsets'));
  if (!offsets || offsets.length !== 2) {
    return refuse('invalid-entry', 'data_offsets as two whole numbers', 'something else');
  }
  const [start, end] = offsets;
  if (end < start)
    return refuse('invalid-offsets', 'the end after the start', `[${start}, ${end}]`, dataStart + start);
  const bits = bitCount(shape, dtype);
  if (bits === undefined) {
    return refuse('size-overflow', 'a size that can exist', `${dtype} [${quoteShape(shape)}]`);
  }
  if (bits !== (end - start) * 8) {
    const expected = `${bits / 8} bytes for ${dtype} [${quoteShape(shape)}]`;
    return refuse('size-mismatch', expected, `${end - start} bytes`, dataStart + start);
  }
  return { name, dtype, shape, start: dataStart + start, end: dataStart + end };
}

/** Bits of the tensor, or undefined where a product on the way is too large to be exact. */
function bitCount(shape: readonly number[], dtype: Dtype): number | undefined {
  let elements = 1;
  for (const side of shape) {
    elements *= side;
    if (!Number.isSafeInteger(elements)) return undefined;
  }
  const bits = elements * dtypeBits[dtype];
  return Number.isSafeInteger(bits) ? bits : undefined;
}

/** The data must be covered from its first byte to its last, in order, with neither hole nor overlap. */
function checkCoverage(entries: readonly TensorEntry[], dataStart: number, size: number): void {
  let reached = dataStart;
  for (const entry of entries) {
    if (entry.start !== reached) {
      const what = entry.start < reached ? 'overlaps the one before it' : 'leaves a hole before it';
      throw new SafetensorsError(
        'invalid-offsets',
        `The data of "${entry.name.slice(0, 120)}" ${what}.`,
        entry.start,
        `data from byte ${reached}`,
        `data from byte ${entry.start}`,
      );
    }
    reached = entry.end;
  }
  if (reached > size) throw truncated(size, `${reached} bytes`, size);
  if (reached < size) {
    throw new SafetensorsError(
      'trailing-bytes',
      'This file holds bytes that belong to no tensor. Get it from its author again.',
      reached,
      'the end of the file',
      `${size - reached} more bytes`,
    );
  }
}

function tooMuch(expected: string, got: string): SafetensorsError {
  const sentence = 'The header of this file holds more than that of any model, so it is not read.';
  return new SafetensorsError('header-too-much', sentence, 8, expected, got);
}

function truncated(offset: number, expected: string, size: number): SafetensorsError {
  const sentence = 'This file is cut short: the download or copy did not finish. Download it again.';
  return new SafetensorsError('truncated', sentence, offset, expected, `${size} bytes`);
}

function readCounts(value: JsonValue | undefined): number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const counts: number[] = [];
  for (const item of value) {
    const count = toCount(item);
    if (count === undefined) return undefined;
    counts.push(count);
  }
  return counts;
}

function isDtype(name: string): name is Dtype {
  return Object.hasOwn(dtypeBits, name);
}

function quoteText(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}

function quoteShape(shape: readonly number[]): string {
  return shape.slice(0, 8).join(', ') + (shape.length > 8 ? ', …' : '');
}
