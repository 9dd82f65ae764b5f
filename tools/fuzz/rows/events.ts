/** Event files of TensorBoard: their framing, and what stands in a record. */
import { decodeEvent, encodeEvent, type EventRecord } from '../../../src/formats/tensorboard/event';
import {
  configurationValue,
  opening,
  recordBytes,
  RunEvents,
} from '../../../src/formats/tensorboard/run_events';
import { EventFileError, frame, readRecords } from '../../../src/formats/tensorboard/tfrecord';
import { joined } from '../../../src/formats/protobuf/wire';
import { fromBytes } from '../../../src/formats/safetensors/byte_source';
import { bytesOf, mutated, type Kinds } from '../mutate';
import { promise, type Row } from '../row';

export function eventRows(): Row[] {
  return [eventFileRow(), eventRow()];
}

/** Whole files; most changes break a checksum, so that half of them are made in a record, which is framed anew. */
function eventFileRow(): Row {
  const records = someRecords();
  const files: Kinds = {
    seeds: [joined(records.map(frame)), joined(records.slice(0, 2).map(frame))],
    words: [frame(records[0]), frame(new Uint8Array()), '\xff\xff\xff\xff\xff\xff\xff\x7f'],
    longest: 100_000,
  };
  return {
    name: 'event file',
    refusals: [EventFileError.name],
    share: 4,
    case(random) {
      const at = random.below(records.length);
      const input = random.oneIn(2)
        ? mutated(random, files)
        : joined(records.map((record, i) => frame(i === at ? mutated(random, eventKinds()) : record)));
      return {
        input,
        async read() {
          const skip = random.oneIn(2) ? (length: number) => length > 300 : undefined;
          let reached = 0;
          for await (const record of readRecords(fromBytes(Uint8Array.from(input)), skip)) {
            if (!record) continue;
            reached += record.length + 16;
            decodeEvent(record);
          }
          promise(reached <= input.length, 'records hold more than the file');
        },
      };
    },
  };
}

/** What was read is written and read again as the same. */
function eventRow(): Row {
  return {
    name: 'event',
    refusals: [EventFileError.name],
    share: 10,
    case(random) {
      const input = mutated(random, eventKinds());
      return {
        input,
        read() {
          const event = decodeEvent(input);
          const again = decodeEvent(encodeEvent(event));
          promise(told(again) === told(event), 'what is written reads back as another event');
        },
      };
    },
  };
}

/** Numbers of values are singles in a file; pictures count by their bytes. */
function told({ time, step, what }: EventRecord): string {
  const values = what.kind === 'values' ? what.values : [];
  const parts = values.map((value) =>
    'scalar' in value
      ? [value.tag, String(Math.fround(value.scalar))]
      : 'png' in value
        ? [value.tag, value.width, value.height, ...value.png]
        : [value.tag, value.text],
  );
  return JSON.stringify([String(time), step, what.kind, parts]);
}

function someRecords(): Uint8Array[] {
  const events: EventRecord[] = [
    ...opening(1_700_000_000.5, 50),
    { time: 2, step: 50, what: { kind: 'values', values: [configurationValue('a: 1\nb: é\n')] } },
    {
      time: 3,
      step: 51,
      what: {
        kind: 'values',
        values: new RunEvents({ steps: 60, stepsPerEpoch: 10, trainsUnet: true }).step({
          ...{ step: 51, loss: 0.125, averageLoss: 0.5, learningRate: 1e-4, textLearningRate: 5e-5 },
          ...{ gradientNorm: 2, lossScale: 512, stepSeconds: 1.5, gpuBytes: 2.5e9 },
        }),
      },
    },
    {
      time: 4,
      step: 52,
      what: {
        kind: 'values',
        values: [{ tag: 'samples/01 a', png: bytesOf('\x89PNG\r\n'), width: 300, height: 200 }],
      },
    },
  ];
  return events.map((event) => recordBytes(event)).map((bytes) => bytes.slice(12, -4));
}

let kinds: Kinds | undefined;
function eventKinds(): Kinds {
  return (kinds ??= {
    seeds: someRecords(),
    words: [
      '\x0a',
      '\x2a\x02\x0a\x00',
      '\x3a\x02\x08\x01',
      '\x0d\x00\x00\x80\x7f',
      Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
      Uint8Array.of(0x80, 0x80),
      '\x0b',
    ],
    longest: 60_000,
  });
}
