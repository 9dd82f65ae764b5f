import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBlob, fromBytes, type ByteSource } from './byte_source';
import reference from '../fixtures/python_reference.json';
import { dtypeBits, headerLimits, readHeader, type Dtype } from './safetensors';
import { SafetensorsError } from './safetensors_error';
import { compareUtf8, writeSafetensors, type TensorToWrite } from './safetensors_write';

const decode = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));

/** A file with this header text (or these bytes) and data. */
function file(header: string, data = new Uint8Array()): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

async function refusal(bytes: Uint8Array): Promise<SafetensorsError> {
  const error: unknown = await readHeader(fromBytes(bytes)).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SafetensorsError);
  if (!(error instanceof SafetensorsError)) throw new Error('not refused');
  return error;
}

/** Any code points, halves of surrogate pairs included. */
const anyText = (maxLength: number) =>
  fc.array(fc.nat(0x10ffff), { maxLength }).map((codes) => String.fromCodePoint(...codes));

describe('readHeader', () => {
  // Accepted by the reference library, refused here because the format's own text forbids them.
  const stricter = new Set(['leading space', 'tensor twice', 'metadata key twice']);

  it.each(reference.cases)(
    'agrees with the reference library on: $name',
    async ({ name, accepted, file }) => {
      const bytes = decode(file);
      if (accepted && !stricter.has(name)) await expect(readHeader(fromBytes(bytes))).resolves.toBeDefined();
      else await refusal(bytes);
    },
  );

  it('gives absolute offsets, shapes and metadata, in the order of the data', async () => {
    const header =
      '{"b":{"dtype":"F16","shape":[1,2],"data_offsets":[2,6]},"__metadata__":{"__proto__":"x"},' +
      '"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}';
    const blob = new Blob([file(header, new Uint8Array(6)).slice()]);
    const { tensors, metadata, dataStart } = await readHeader(fromBlob(blob));
    expect(dataStart).toBe(8 + header.length);
    expect([...tensors.keys()]).toEqual(['a', 'b']);
    expect(tensors.get('b')).toEqual({
      name: 'b',
      dtype: 'F16',
      shape: [1, 2],
      start: dataStart + 2,
      end: dataStart + 6,
    });
    expect(Object.getOwnPropertyDescriptor(metadata, '__proto__')?.value).toBe('x');
  });

  it.each([
    ['a zip', 'PK\x03\x04\x14\x00\x00\x00\x08\x00archive', 'zip'],
    ['an old pickle', '\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.', 'pickle'],
    ['a protocol-4 pickle', '\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}', 'pickle'],
    ['GGUF', 'GGUF\x03\x00\x00\x00\x01\x00\x00\x00', 'gguf'],
    ['a git-lfs pointer', 'version https://git-lfs.github.com/spec/v1', 'text'],
    ['a web page', '<!DOCTYPE html><html></html>', 'text'],
    ['a PNG', '\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'picture'],
    ['a JPEG', '\xff\xd8\xff\xe0\0\x10JFIF', 'picture'],
    ['a WebP', 'RIFF\x24\0\0\0WEBPVP8 ', 'picture'],
    ['anything else', '\x01\x02\x03\x04\x05\x06\x07\x08\x09', 'header-too-large'],
    ['nothing', '', 'too-small'],
  ])('knows %s by its content', async (_, text, code) => {
    expect((await refusal(Uint8Array.from(text, (character) => character.charCodeAt(0)))).code).toBe(code);
  });

  it('takes a header whose length looks like the mark of a pickle', async () => {
    const header = '{}'.padEnd(0x280);
    const bytes = file(header);
    expect([...bytes.subarray(0, 2)]).toEqual([0x80, 0x02]);
    await expect(readHeader(fromBytes(bytes))).resolves.toMatchObject({ dataStart: 8 + 0x280 });
  });

  it('says where, what was expected and what was found', async () => {
    const header = '{"w":{"dtype":"F16","shape":[3],"data_offsets":[0,4]}}';
    const error = await refusal(file(header, new Uint8Array(4)));
    expect(error.code).toBe('size-mismatch');
    expect(error.offset).toBe(8 + header.length);
    expect(error.message).toContain('"w"');
    expect(error.message).toContain('expected 6 bytes for F16 [3], got 4 bytes');
    const cut = await refusal(file(header.replace('[3]', '[2]'), new Uint8Array(3)));
    expect(cut.code).toBe('truncated');
    expect(cut.expected).toBe(`${8 + header.length + 4} bytes`);
    const twice = await refusal(file('{"é":{},"é":{}}'));
    expect([twice.code, twice.offset]).toEqual(['duplicate-name', 8 + 9]);
  });

  it('never reads more than the file or the limit, whatever length the file claims', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.bigInt(0n, 2n ** 64n - 1n),
        fc.uint8Array({ maxLength: 40 }),
        async (length, rest) => {
          const bytes = new Uint8Array(8 + rest.length);
          new DataView(bytes.buffer).setBigUint64(0, length, true);
          bytes.set(rest, 8);
          let asked = 0;
          const source: ByteSource = {
            byteLength: bytes.length,
            slice(start, end) {
              asked = Math.max(asked, end - start);
              expect(end).toBeLessThanOrEqual(Math.min(bytes.length, headerLimits.bytes));
              return bytes.slice(start, end).buffer;
            },
          };
          await readHeader(source).catch((error: unknown) => expect(error).toBeInstanceOf(SafetensorsError));
          expect(asked).toBeLessThanOrEqual(bytes.length);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('answers arbitrary headers with a file or a SafetensorsError, nothing else', async () => {
    const json = fc.json({ maxDepth: 4 });
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      ':',
      ',',
      '0',
      '-1',
      '1e9',
      '"dtype"',
      '"F32"',
      '"shape"',
      '"data_offsets"',
      '[0,4]',
      '"a"',
      '__metadata__',
      '\\u',
      '\\ud800',
      ' ',
      'null',
      '"__proto__"',
    );
    const soup = fc.array(piece, { maxLength: 40 }).map((pieces) => `{${pieces.join('')}`);
    await fc.assert(
      fc.asyncProperty(fc.oneof(json, soup), fc.uint8Array({ maxLength: 16 }), async (header, data) => {
        await readHeader(fromBytes(file(header, data))).catch((error: unknown) =>
          expect(error).toBeInstanceOf(SafetensorsError),
        );
      }),
      { numRuns: 3000 },
    );
  });

  it('survives every mutation of a good file, and what it accepts is covered without holes', async () => {
    const good = writeSafetensors(sample, { a: 'b' });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.option(fc.nat(good.length)),
        async (edits, cut) => {
          const bytes = good.slice(0, cut ?? good.length);
          for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
          const result = await readHeader(fromBytes(bytes)).catch((error: unknown) => {
            expect(error).toBeInstanceOf(SafetensorsError);
          });
          if (!result) return;
          let reached = result.dataStart;
          for (const { start, end } of result.tensors.values()) {
            expect(start).toBe(reached);
            reached = end;
          }
          expect(reached).toBe(bytes.length);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

const sample: TensorToWrite[] = [
  { name: 'w', dtype: 'F16', shape: [2, 3], data: new Uint8Array(12) },
  { name: 'v', dtype: 'F32', shape: [1], data: new Uint8Array(4) },
  { name: 'e', dtype: 'U8', shape: [0], data: new Uint8Array() },
];

describe('writeSafetensors', () => {
  it('writes the very bytes of the reference library', async () => {
    const wanted = decode(reference.writer.file);
    const { tensors, metadata } = await readHeader(fromBytes(wanted));
    expect(tensors.size).toBe(reference.writer.spec.length + 1);
    const shuffled = [...tensors.values()]
      .sort((a, b) => compareUtf8([...a.name].reverse().join(), [...b.name].reverse().join()))
      .map(({ name, dtype, shape, start, end }) => ({
        name,
        dtype,
        shape,
        data: wanted.subarray(start, end),
      }));
    expect(writeSafetensors(shuffled, metadata)).toEqual(wanted);
    const bytes = { name: 't', dtype: 'U8', shape: [3], data: new Uint8Array(3) } as const;
    expect(writeSafetensors([bytes])).toEqual(decode(reference.writer.none));
    expect(writeSafetensors([bytes], {})).toEqual(decode(reference.writer.emptyMeta));
  });

  it('reads back what it wrote, whatever the names, dtypes and metadata', async () => {
    const dtypes: Dtype[] = ['BOOL', 'U8', 'F8_E4M3', 'I16', 'F16', 'BF16', 'F32', 'F64', 'U64'];
    const tensor = fc
      .record({
        name: fc.string({ unit: 'grapheme' }).filter((name) => name !== '__metadata__'),
        dtype: fc.constantFrom(...dtypes),
        shape: fc.array(fc.nat(4), { maxLength: 3 }),
      })
      .map(({ name, dtype, shape }) => {
        const bytes = (shape.reduce((a, b) => a * b, 1) * dtypeBits[dtype]) / 8;
        return { name, dtype, shape, data: Uint8Array.from({ length: bytes }, (_, i) => i) };
      });
    const tensors = fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 6 });
    const texts = anyText(12).map((text) => text.toWellFormed());
    await fc.assert(
      fc.asyncProperty(tensors, fc.dictionary(texts, texts), async (list, metadata) => {
        const bytes = writeSafetensors(list, metadata);
        const read = await readHeader(fromBytes(bytes));
        expect(read.metadata).toEqual(metadata);
        expect(read.dataStart % 8).toBe(0);
        expect(read.tensors.size).toBe(list.length);
        for (const { name, dtype, shape, data } of list) {
          const entry = read.tensors.get(name);
          expect(entry).toMatchObject({ dtype, shape });
          expect(bytes.subarray(entry?.start, entry?.end)).toEqual(data);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('refuses data that does not fit, doubled names, and names that are not text', () => {
    const [first] = sample;
    expect(() => writeSafetensors([{ ...first, shape: [7] }])).toThrow(/14 bytes for F16 \[7\].*12 bytes/s);
    expect(() => writeSafetensors([first, first])).toThrow(SafetensorsError);
    expect(() => writeSafetensors([{ ...first, name: '\ud800' }])).toThrow(SafetensorsError);
    expect(() => writeSafetensors([{ ...first, name: '__metadata__' }])).toThrow(SafetensorsError);
    expect(() => writeSafetensors([first], { '\ud800': '' })).toThrow(SafetensorsError);
  });

  it('orders names as UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
    );
    expect(compareUtf8('\uffff', '😀')).toBeLessThan(0);
  });
});
