// Writes safetensors byte for byte as the reference library does: tensors by falling dtype alignment, then
// by name in UTF-8 order; compact JSON; header padded with spaces to 8 bytes. One thing is ours: the library
// keeps metadata in a hash map and writes it in any order, we sort it, so that equal input gives equal bytes.
import { dtypeBits, type Dtype } from './safetensors';
import { SafetensorsError } from './safetensors_error';

/** A tensor to write: little-endian bytes, C order; their count must fit dtype and shape. */
export interface TensorToWrite {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/**
 * Serialises `tensors` and `metadata` (left out of the file if undefined). The input is not kept.
 * Throws SafetensorsError for data that does not fit its shape and for names that are doubled or unwritable.
 */
export function writeSafetensors(
  tensors: readonly TensorToWrite[],
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const sorted = [...tensors].sort((a, b) => rank(b.dtype) - rank(a.dtype) || compareUtf8(a.name, b.name));
  sorted.forEach(checkSize);
  const header = safetensorsHeader(
    sorted.map(({ name, dtype, shape, data }) => ({ name, dtype, shape, bytes: data.byteLength })),
    metadata,
  );
  const file = new Uint8Array(sorted.reduce((sum, { data }) => sum + data.byteLength, header.length));
  file.set(header);
  let at = header.length;
  for (const { data } of sorted) {
    file.set(data, at);
    at += data.byteLength;
  }
  return file;
}

/**
 * What stands before the data of tensors that follow in this order without a gap: eight bytes of length, and the header.
 * For files that are written piece by piece. Throws SafetensorsError for names that are doubled or unwritable.
 */
export function safetensorsHeader(
  tensors: readonly (Omit<TensorToWrite, 'data'> & { readonly bytes: number })[],
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  checkNames(tensors);
  const parts: string[] = [];
  if (metadata) parts.push(`"__metadata__":${metadataJson(metadata)}`);
  let reached = 0;
  for (const { name, dtype, shape, bytes } of tensors) {
    const end = reached + bytes;
    parts.push(
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(',')}],"data_offsets":[${reached},${end}]}`,
    );
    reached = end;
  }
  const header = new TextEncoder().encode(`{${parts.join(',')}}`);
  const headerBytes = Math.ceil(header.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(header, 8);
  bytes.fill(0x20, 8 + header.length);
  return bytes;
}

function metadataJson(metadata: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(metadata).sort(([a], [b]) => compareUtf8(a, b));
  for (const [key] of pairs) if (!key.isWellFormed()) throw unwritable('metadata key', key);
  // Half a surrogate pair (text cut inside an emoji) cannot be written as UTF-8; in a value it becomes U+FFFD.
  const json = (text: string) => JSON.stringify(text.toWellFormed());
  return `{${pairs.map(([key, value]) => `${json(key)}:${json(value)}`).join(',')}}`;
}

function checkNames(tensors: readonly Pick<TensorToWrite, 'name'>[]): void {
  const seen = new Set<string>();
  for (const { name } of tensors) {
    if (seen.has(name) || name === '__metadata__' || !name.isWellFormed()) throw unwritable('tensor', name);
    seen.add(name);
  }
}

function unwritable(what: string, name: string): SafetensorsError {
  const sentence = `This ${what} cannot be written.`;
  return new SafetensorsError(
    'invalid-name',
    sentence,
    0,
    'a name of its own, of whole characters',
    JSON.stringify(name),
  );
}

function checkSize({ name, dtype, shape, data }: TensorToWrite): void {
  const bits = shape.reduce((product, side) => product * side, dtypeBits[dtype]);
  if (bits === data.byteLength * 8) return;
  const expected = `${bits / 8} bytes for ${dtype} [${shape.join(', ')}]`;
  throw new SafetensorsError(
    'size-mismatch',
    `"${name}" cannot be written.`,
    0,
    expected,
    `${data.byteLength} bytes`,
  );
}

const order = new Map<string, number>(Object.keys(dtypeBits).map((dtype, index) => [dtype, index]));

function rank(dtype: Dtype): number {
  return order.get(dtype) ?? 0;
}

/** Orders as the UTF-8 bytes do (by code point); JavaScript's own order differs above U+FFFF. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const surrogateX = (x & 0xf800) === 0xd800;
    const surrogateY = (y & 0xf800) === 0xd800;
    return surrogateX === surrogateY ? x - y : surrogateX ? 1 : -1;
  }
  return a.length - b.length;
}
