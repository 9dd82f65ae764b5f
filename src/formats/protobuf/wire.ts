/**
 * Protobuf messages by hand, as far as event files need them: fields in order, written and read by the public wire format
 * (protobuf.dev, "Encoding"). No schema: the caller knows which number means what.
 */
import { varint } from './varint';

/** A field as it is written: a whole number, a double, a float, text, bytes, or a message (its own bytes). */
export function wholeField(number: number, value: number): Uint8Array {
  return joined([tag(number, 0), varintBytes(value)]);
}

export function doubleField(number: number, value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return joined([tag(number, 1), bytes]);
}

export function floatField(number: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return joined([tag(number, 5), bytes]);
}

export function bytesField(number: number, value: Uint8Array): Uint8Array {
  return joined([tag(number, 2), varintBytes(value.length), value]);
}

export function textField(number: number, value: string): Uint8Array {
  return bytesField(number, new TextEncoder().encode(value));
}

export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export type Field =
  | { readonly number: number; readonly kind: 'whole'; readonly value: number }
  /** A double or a float. */
  | { readonly number: number; readonly kind: 'real'; readonly value: number }
  | { readonly number: number; readonly kind: 'bytes'; readonly value: Uint8Array };

/** The fields of a message in order; undefined where it is none, or holds more than `most`. Groups are refused. */
export function readFields(message: Uint8Array, most = 10_000): Field[] | undefined {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const fields: Field[] = [];
  for (let at = 0; at < message.length;) {
    const head = varint(message, at);
    if (!head || fields.length >= most) return undefined;
    const [number, wire] = [Math.floor(head.value / 8), head.value % 8];
    at = head.end;
    if (number === 0) return undefined;
    if (wire === 0 || wire === 2) {
      const read = varint(message, at);
      if (!read) return undefined;
      at = read.end;
      if (wire === 0) fields.push({ number, kind: 'whole', value: read.value });
      else {
        if (read.value > message.length - at) return undefined;
        fields.push({ number, kind: 'bytes', value: message.subarray(at, at + read.value) });
        at += read.value;
      }
    } else if (wire === 1 || wire === 5) {
      const bytes = wire === 1 ? 8 : 4;
      if (bytes > message.length - at) return undefined;
      fields.push({
        number,
        kind: 'real',
        value: wire === 1 ? view.getFloat64(at, true) : view.getFloat32(at, true),
      });
      at += bytes;
    } else return undefined;
  }
  return fields;
}

function tag(number: number, wire: number): Uint8Array {
  return varintBytes(number * 8 + wire);
}

/** Of a whole number from 0 to 2^53. */
function varintBytes(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no whole number.`);
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 0x80);
  return Uint8Array.from([...bytes, rest]);
}
