/**
 * What stands in a record of an event file: TensorFlow's messages Event, Summary and SessionLog, as far as scalars, texts
 * and PNG pictures go. Field numbers are those of event.proto, summary.proto, tensor.proto and the text plugin.
 */
import {
  bytesField,
  doubleField,
  floatField,
  joined,
  readFields,
  textField,
  wholeField,
  type Field,
} from '../protobuf/wire';
import { EventFileError } from './tfrecord';

export type Value =
  | { readonly tag: string; readonly scalar: number }
  | { readonly tag: string; readonly text: string }
  | { readonly tag: string; readonly png: Uint8Array; readonly width: number; readonly height: number };

export interface EventRecord {
  /** Seconds since 1970. */
  readonly time: number;
  readonly step: number;
  readonly what:
    | { readonly kind: 'version' }
    /** A run begins or goes on here: what was told of this step and later ones holds no longer. */
    | { readonly kind: 'start' }
    | { readonly kind: 'values'; readonly values: readonly Value[] };
}

const VERSION = 'brain.Event:2';
const START = 1;
const DT_STRING = 7;
const RGB = 3;

export function encodeEvent({ time, step, what }: EventRecord): Uint8Array<ArrayBuffer> {
  // Zero is left out, as protobuf's own writers do.
  return joined([doubleField(1, time), step === 0 ? new Uint8Array() : wholeField(2, step), content(what)]);
}

function content(what: EventRecord['what']): Uint8Array {
  switch (what.kind) {
    case 'version':
      return textField(3, VERSION);
    case 'start':
      return bytesField(7, wholeField(1, START));
    case 'values':
      return bytesField(5, joined(what.values.map((value) => bytesField(1, summaryValue(value)))));
  }
}

function summaryValue(value: Value): Uint8Array {
  const tag = textField(1, value.tag);
  if ('scalar' in value) return joined([tag, floatField(2, value.scalar)]);
  if ('png' in value) {
    const { png, width, height } = value;
    const image = [wholeField(1, height), wholeField(2, width), wholeField(3, RGB), bytesField(4, png)];
    return joined([tag, bytesField(4, joined(image))]);
  }
  const plugin = bytesField(1, textField(1, 'text'));
  const oneLong = bytesField(2, bytesField(2, wholeField(1, 1)));
  const tensor = [wholeField(1, DT_STRING), oneLong, textField(8, value.text)];
  return joined([tag, bytesField(8, joined(tensor)), bytesField(9, plugin)]);
}

/**
 * A record's event. What is neither scalar, text nor picture (histograms, graphs) is left out of its values. Throws
 * EventFileError, of `offset`, for what is no Event.
 */
export function decodeEvent(record: Uint8Array, offset = 0): EventRecord {
  const fields = readFields(record);
  if (!fields) throw new EventFileError('damaged', offset);
  const time = realOf(fields, 1) ?? 0;
  const step = wholeOf(fields, 2) ?? 0;
  if (fields.some(({ number, kind }) => number === 3 && kind === 'bytes'))
    return { time, step, what: { kind: 'version' } };
  const session = messageOf(fields, 7);
  if (session && wholeOf(session, 1) === START) return { time, step, what: { kind: 'start' } };
  const values: Value[] = [];
  for (const field of messageOf(fields, 5) ?? []) {
    if (field.number !== 1 || field.kind !== 'bytes') continue;
    const inner = readFields(field.value);
    if (!inner) throw new EventFileError('damaged', offset);
    const value = valueOf(inner);
    if (value) values.push(value);
  }
  return { time, step, what: { kind: 'values', values } };
}

function valueOf(fields: readonly Field[]): Value | undefined {
  const tag = textOf(fields, 1);
  if (tag === undefined) return undefined;
  const scalar = realOf(fields, 2);
  if (scalar !== undefined) return { tag, scalar };
  const image = messageOf(fields, 4);
  const png = image && bytesOf(image, 4);
  if (png) return { tag, png, width: wholeOf(image, 2) ?? 0, height: wholeOf(image, 1) ?? 0 };
  const tensor = messageOf(fields, 8);
  const text = tensor && wholeOf(tensor, 1) === DT_STRING ? textOf(tensor, 8) : undefined;
  return text === undefined ? undefined : { tag, text };
}

function wholeOf(fields: readonly Field[], number: number): number | undefined {
  const field = fields.find((each) => each.number === number);
  return field?.kind === 'whole' ? field.value : undefined;
}

function realOf(fields: readonly Field[], number: number): number | undefined {
  const field = fields.find((each) => each.number === number);
  return field?.kind === 'real' ? field.value : undefined;
}

function bytesOf(fields: readonly Field[], number: number): Uint8Array | undefined {
  const field = fields.find((each) => each.number === number);
  return field?.kind === 'bytes' ? field.value : undefined;
}

function textOf(fields: readonly Field[], number: number): string | undefined {
  const bytes = bytesOf(fields, number);
  return bytes && new TextDecoder().decode(bytes);
}

function messageOf(fields: readonly Field[], number: number): Field[] | undefined {
  const bytes = bytesOf(fields, number);
  return bytes && readFields(bytes);
}
