/**
 * The names of the files that an ONNX model's weights lie in, where they are not in the model itself (TensorProto's
 * external_data in onnx.proto; exporters write it for models over 2 GB, and many for smaller ones). Lengths in the file
 * are never trusted: what reaches beyond what holds it ends the search, and weights are stepped over, not read.
 */
import type { ByteSource } from '../safetensors/byte_source';
import { varint } from '../protobuf/varint';

type Message = 'graph' | 'function' | 'node' | 'attribute' | 'sparse' | 'tensor' | 'entry';

/** Which fields of a message hold messages that a tensor may lie in. */
const inside: Readonly<Record<Exclude<Message, 'entry'>, Readonly<Record<number, Message>>>> = {
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  function: { 7: 'node' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
  tensor: { 13: 'entry' },
};
/** If within if within if: no model goes deeper. */
const deepest = 16;
/** Headers of fields that are looked at. */
const mostFields = 1_000_000;
/** Files that are told of; a model has one or a few. */
const mostFiles = 1000;
const longestName = 4096;
const windowBytes = 64 * 1024;
/** Tag and length, each at most ten bytes. */
const headerBytes = 20;

/** Adds to `found` what the message between `start` and `end` names. */
export async function externalFiles(
  source: ByteSource,
  message: 'graph' | 'function',
  start: number,
  end: number,
  found: Set<string>,
): Promise<void> {
  let window = { at: 0, bytes: new Uint8Array() };
  let count = 0;
  await search(message, start, end, 0);

  /** False where it makes no sense to go on. */
  async function search(kind: Message, from: number, to: number, depth: number): Promise<boolean> {
    if (kind === 'entry') return take(from, to);
    if (depth > deepest) return false;
    for (let at = from; at < to;) {
      const bytes = await bytesAt(at, Math.min(headerBytes, to - at));
      const tag = varint(bytes, 0);
      if (!tag || ++count > mostFields || found.size >= mostFiles) return false;
      const wire = tag.value & 7;
      const number = wire === 0 || wire === 2 ? varint(bytes, tag.end) : undefined;
      if (wire === 2 && number) {
        const [first, last] = [at + number.end, at + number.end + number.value];
        if (last > to) return false;
        const held = inside[kind][Math.floor(tag.value / 8)] as Message | undefined;
        if (held && !(await search(held, first, last, depth + 1))) return false;
        at = last;
      } else if (wire === 0 && number) at += number.end;
      else if (wire === 1 || wire === 5) at += tag.end + (wire === 1 ? 8 : 4);
      else return false;
    }
    return true;
  }

  /** A StringStringEntryProto whose key is "location". */
  async function take(from: number, to: number): Promise<boolean> {
    if (to - from > longestName) return true;
    const bytes = await bytesAt(from, to - from);
    const texts: (string | undefined)[] = [];
    for (let at = 0; at < bytes.length;) {
      const length = varint(bytes, at + 1);
      if ((bytes[at] & 7) !== 2 || !length) return false;
      texts[bytes[at] >> 3] = new TextDecoder().decode(bytes.subarray(length.end, length.end + length.value));
      at = length.end + length.value;
    }
    const [, key, name] = texts;
    if (key === 'location' && name) found.add(name);
    return true;
  }

  async function bytesAt(at: number, length: number): Promise<Uint8Array> {
    if (at < window.at || at + length > window.at + window.bytes.length) {
      const last = Math.min(source.byteLength, at + Math.max(length, windowBytes));
      window = { at, bytes: new Uint8Array(await source.slice(at, last)) };
    }
    return window.bytes.subarray(at - window.at, at - window.at + length);
  }
}

/** The name alone, of which folder ever: that is how a person knows the file. */
export function fileNameOf(location: string): string {
  return location.split(/[\\/]/).at(-1) ?? location;
}
