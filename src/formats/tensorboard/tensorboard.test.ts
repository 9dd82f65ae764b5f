/**
 * Event files against bytes that tensorboard 2.21's own writer made (`RecordWriter` over its protobuf classes) and
 * checksums of RFC 3720; `reference/check_tensorboard.py` has its readers read whole runs of ours.
 */
import { describe, expect, test } from 'vitest';
import { fromBytes } from '../safetensors/byte_source';
import { crc32c, maskedCrc32c } from './crc32c';
import { decodeEvent, encodeEvent, type EventRecord } from './event';
import { configurationValue, eventFileName, opening, recordBytes, RunEvents, sampleTag } from './run_events';
import { EventFileError, frame, readRecords } from './tfrecord';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const latin = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));

test.each([
  ['32 zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 of 0xff', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['31 to 0', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  ['"123456789"', latin('123456789'), 0xe3069283],
])('CRC-32C of %s', (_, bytes, crc) => {
  expect(crc32c(bytes)).toBe(crc);
});

const PNG = latin('\x89PNG');
const golden: [string, EventRecord, string][] = [
  [
    'a scalar',
    {
      time: 1700000000.5,
      step: 300,
      what: { kind: 'values', values: [{ tag: 'loss/current', scalar: 0.125 }] },
    },
    '2300000000000000b09f77430900002040fc54d94110ac022a150a130a0c6c6f73732f63757272656e74150000003e478691a5',
  ],
  [
    'the version',
    { time: 2, step: 0, what: { kind: 'version' } },
    '1800000000000000a37f4b220900000000000000401a0d627261696e2e4576656e743a32ff2ee0e7',
  ],
  [
    'a start',
    { time: 2, step: 51, what: { kind: 'start' } },
    '0f000000000000006d532b0909000000000000004010333a0208013f5a359f',
  ],
  [
    'a text',
    { time: 2, step: 7, what: { kind: 'values', values: [{ tag: 'configuration', text: 'a: 1 é' }] } },
    '3b000000000000001a23ac5c09000000000000004010072a2e0a2c0a0d636f6e66696775726174696f6e421108071204120208014207613a203120c3a94a080a060a0474657874a6fc39a9',
  ],
  [
    'a picture',
    {
      time: 2,
      step: 7,
      what: { kind: 'values', values: [{ tag: 'samples/01 a', png: PNG, width: 3, height: 2 }] },
    },
    '2b00000000000000861bc34b09000000000000004010072a1e0a1c0a0c73616d706c65732f30312061220c080210031803220489504e47f3bddd54',
  ],
];

test.each(golden)("%s has tensorboard's own bytes, and comes back", async (_, event, bytes) => {
  expect(hex(recordBytes(event))).toBe(bytes);
  const records = await all(Uint8Array.from(Buffer.from(bytes, 'hex')));
  expect(records.map((record) => decodeEvent(record))).toEqual([event]);
});

describe('records', () => {
  const file = Buffer.concat(golden.slice(0, 3).map(([, event]) => recordBytes(event)));

  test('cut anywhere, the whole ones before the cut are read', async () => {
    const ends = golden.slice(0, 3).map(([, event]) => recordBytes(event).length);
    for (let cut = 0; cut <= file.length; cut++) {
      const whole = [0, 1, 2, 3].filter((n) => ends.slice(0, n).reduce((a, b) => a + b, 0) <= cut).length - 1;
      expect(await all(file.subarray(0, cut))).toHaveLength(whole);
    }
  });

  test('every damaged byte is noticed, or ends the file early', async () => {
    for (let at = 0; at < file.length; at++) {
      const damaged = Uint8Array.from(file);
      damaged[at] ^= 0x10;
      await expect(all(damaged)).rejects.toMatchObject({ name: 'EventFileError', code: 'damaged' });
    }
  });

  test('a record longer than any picture is refused before it is read', async () => {
    const length = new Uint8Array(12);
    new DataView(length.buffer).setBigUint64(0, 300n * 2n ** 20n, true);
    new DataView(length.buffer).setUint32(8, maskedCrc32c(length.subarray(0, 8)), true);
    const source = {
      byteLength: 2 ** 30,
      slice: (start: number, end: number) =>
        end - start > 100 ? Promise.reject(new Error('read')) : Promise.resolve(length.buffer),
    };
    await expect(readRecords(source).next()).rejects.toMatchObject({ code: 'too-large', offset: 0 });
  });

  test('what is skipped is not read', async () => {
    const read: number[] = [];
    const bytes = Uint8Array.from(file);
    const source = {
      byteLength: bytes.length,
      slice: (start: number, end: number) => {
        read.push(end - start);
        return Promise.resolve(bytes.slice(start, end).buffer);
      },
    };
    const records = [];
    for await (const record of readRecords(source, (length) => length > 30)) records.push(record?.length);
    expect(records).toEqual([undefined, 24, 15]);
    expect(read).toEqual([12, 12, 28, 12, 19]);
  });

  test('bytes that are no event are refused, whatever their checksum', async () => {
    for (const bytes of [latin('\x0a\xff'), latin('\x03'), latin('\x2a\x04\x0a\x02\x0a\x7f')]) {
      const [record] = await all(frame(bytes));
      expect(() => decodeEvent(record, 5)).toThrow(EventFileError);
    }
  });
});

describe('the curves of a run', () => {
  const facts = (step: number, loss: number) => ({ step, loss, learningRate: 1e-4, gradientNorm: 2 });
  const means = (events: RunEvents, given: readonly [number, number][]) =>
    given.flatMap(([step, loss]) =>
      events
        .step(facts(step, loss))
        .flatMap((value) => (value.tag === 'loss/epoch' && 'scalar' in value ? [[step, value.scalar]] : [])),
    );

  test('an epoch is summed up at its last step, and the last one where the run ends', () => {
    const events = new RunEvents({ steps: 5, stepsPerEpoch: 2, trainsUnet: true });
    expect(means(events, [[1, 1], [2, 3], [3, 5], [4, NaN], [5, 9]])).toEqual([[2, 2], [4, 5], [5, 9]]); // prettier-ignore
  });

  test('an interrupted epoch is summed up with what it had before, and not at all where that is unknown', () => {
    const shape = { steps: 8, stepsPerEpoch: 4, trainsUnet: true };
    const before = new Map([[1, 1], [2, 3], [3, 100]]); // prettier-ignore
    // Step 3 of the abandoned branch comes again.
    expect(means(new RunEvents(shape, before), [[3, 5], [4, 7]])).toEqual([[4, 4]]); // prettier-ignore
    expect(means(new RunEvents(shape), [[3, 5], [4, 7]])).toEqual([]); // prettier-ignore
  });

  test('rates go by what is trained, under the names of kohya; what is unknown has no curve', () => {
    const tags = (trainsUnet: boolean, more: object) =>
      new RunEvents({ steps: 9, stepsPerEpoch: 9, trainsUnet })
        .step({ ...facts(1, 0.5), ...more })
        .map((value) => [value.tag, 'scalar' in value && value.scalar]);
    expect(tags(true, { textLearningRate: 5e-5 })).toEqual([
      ['loss/current', 0.5],
      ['lr/unet', 1e-4],
      ['lr/textencoder', 5e-5],
      ['norm/gradient', 2],
    ]);
    expect(tags(false, { averageLoss: 0.25, lossScale: 512, stepSeconds: 1.5, gpuBytes: 2.5e9 })).toEqual([
      ['loss/current', 0.5],
      ['loss/average', 0.25],
      ['lr/textencoder', 1e-4],
      ['norm/gradient', 2],
      ['loss_scale', 512],
      ['seconds_a_step', 1.5],
      ['memory/gpu_gb', 2.5],
    ]);
  });

  test('a file begins with its version and the step from which it holds; names sort by time', () => {
    expect(opening(3, 50).map(({ step, what }) => [step, what.kind])).toEqual([[0, 'version'], [51, 'start']]); // prettier-ignore
    expect(eventFileName(999_999_999.7) < eventFileName(1_000_000_000)).toBe(true);
    expect(sampleTag(0, `${'long '.repeat(20)}`)).toBe(`samples/01 ${'long '.repeat(12).trim()}`);
  });

  test('a configuration is shown as it is, not as Markdown', () => {
    expect(configurationValue('# a\nb: 1')).toEqual({ tag: 'configuration', text: '    # a\n    b: 1' });
  });

  test('what no whole number is, is not written', () => {
    const event: EventRecord = { time: 1, step: -1, what: { kind: 'start' } };
    expect(() => encodeEvent(event)).toThrow(RangeError);
  });
});

async function all(bytes: Uint8Array): Promise<Uint8Array[]> {
  const records: Uint8Array[] = [];
  for await (const record of readRecords(fromBytes(Uint8Array.from(bytes)))) if (record) records.push(record);
  return records;
}
