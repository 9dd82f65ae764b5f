/**
 * Types and sizes from headers: of files that encoders wrote (fixtures/encoded.json: flat pictures, by sharp 0.35), of
 * headers written by hand, and of damaged ones.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import encoded from './fixtures/encoded.json';
import { readHeader } from './header';

const file = (name: keyof typeof encoded) => Buffer.from(encoded[name], 'base64');
const ascii = (text: string) => [...text].map((letter) => letter.charCodeAt(0));
const u16 = (value: number) => [value & 0xff, value >> 8];
const u32be = (value: number) => [value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff];

test.each(Object.keys(encoded).filter((name) => !name.startsWith('tiff')))('%s', (name) => {
  const bytes = file(name as keyof typeof encoded);
  const [, type, width, height] = /^(\w+) .*?(\d+)x(\d+)$/.exec(name) ?? [];
  const size = { width: Number(width), height: Number(height) };
  expect(readHeader(bytes)).toEqual({ type: `image/${type}`, size });
  // Enough for the type.
  expect(readHeader(bytes.subarray(0, 64))?.type).toBe(`image/${type}`);
});

test('A frame header far behind previews and profiles is found', () => {
  const jpeg = file('jpeg 300x200');
  const segment = Buffer.from([0xff, 0xe2, 0xff, 0xff, ...new Uint8Array(0xfffd)]);
  const long = Buffer.concat([jpeg.subarray(0, 2), segment, segment, segment, jpeg.subarray(2)]);
  expect(readHeader(long)).toEqual({ type: 'image/jpeg', size: { width: 300, height: 200 } });
});

test('BMP of both kinds, rows upwards or downwards', () => {
  const start = [...ascii('BM'), ...new Uint8Array(12)];
  const negative = [0x38, 0xff, 0xff, 0xff];
  const bmp = [...start, 40, 0, 0, 0, ...u16(300), 0, 0, ...negative];
  expect(readHeader(Uint8Array.from(bmp))?.size).toEqual({ width: 300, height: 200 });
  const os2 = [...start, 12, 0, 0, 0, ...u16(300), ...u16(200)];
  expect(readHeader(Uint8Array.from(os2))?.size).toEqual({ width: 300, height: 200 });
});

test('A picture that claims to be huge is believed, for it would be decoded so', () => {
  const png = file('png 300x200');
  png.writeUInt32BE(60_000, 16);
  png.writeUInt32BE(60_000, 20);
  expect(readHeader(png)?.size).toEqual({ width: 60_000, height: 60_000 });
});

test('A GIF is as large as its frames, whatever its screen says, also behind colours, extensions and other frames', () => {
  const screen = [...ascii('GIF89a'), ...u16(100), ...u16(90)];
  const frame = (left: number, top: number, width: number, height: number, flags = 0) => [
    ...[0x2c, ...u16(left), ...u16(top), ...u16(width), ...u16(height), flags],
    ...new Uint8Array(flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0),
    ...[2, 3, 1, 2, 3, 0],
  ];
  const comment = [0x21, 0xfe, 2, 65, 66, 1, 67, 0];
  const sizeOf = (...parts: number[][]) => readHeader(Uint8Array.from([...screen, ...parts.flat()]))?.size;
  expect(sizeOf([0, 0, 0], frame(0, 0, 20_000, 20_000))).toEqual({ width: 20_000, height: 20_000 });
  // A colour table of 4, a comment, a frame with a table of 8.
  const after = frame(10, 30_000, 70, 1);
  expect(sizeOf([0x81, 0, 0], Array<number>(12).fill(0x2c), comment, frame(0, 0, 9, 9, 0x82), after)).toEqual(
    {
      width: 100,
      height: 30_001,
    },
  );
  expect(sizeOf([0, 0, 0], frame(0, 0, 100, 90).slice(0, 9))).toEqual({ width: 100, height: 90 });
});

test('JPEG XL, JPEG 2000, SVG and Photoshop files are named', () => {
  const of = (text: string) => readHeader(Uint8Array.from(ascii(text)))?.type;
  expect(of('\xff\x0a\x50\x80')).toBe('image/jxl');
  expect(of('\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl ')).toBe('image/jxl');
  expect(of('\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 ')).toBe('image/jp2');
  expect(of('\xff\x4f\xff\x51\0\x2f')).toBe('image/jp2');
  expect(of('8BPS\0\x01\0\0')).toBe('image/vnd.adobe.photoshop');
  for (const before of [
    '',
    '\xef\xbb\xbf',
    '<?xml version="1.0"?>\n',
    '<!-- by hand -->\n',
    '<!DOCTYPE svg PUBLIC "x">\n',
  ]) {
    expect(of(`${before}<svg xmlns="http://www.w3.org/2000/svg">`)).toBe('image/svg+xml');
  }
});

test('HEIC, TIFF and what is no picture are told apart', () => {
  const heic = (brand: string) => Uint8Array.from([...u32be(24), ...ascii(`ftyp${brand}`), 0, 0, 0, 0]);
  for (const brand of ['heic', 'heix', 'mif1', 'hevc'])
    expect(readHeader(heic(brand))?.type).toBe('image/heic');
  expect(readHeader(file('tiff 8x8'))).toEqual({ type: 'image/tiff' });
  for (const text of ['', 'B', 'hello', '<!-- <svg> --><html/>', 'PK\x03\x04', '\0\0\0\x20ftypmp42'])
    expect(readHeader(Uint8Array.from(ascii(text)))).toBeUndefined();
});

test('Damaged and cut files never throw or hang', () => {
  const files = (Object.keys(encoded) as (keyof typeof encoded)[]).map(file);
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 });
  fc.assert(
    fc.property(fc.constantFrom(...files), damage, fc.nat(), (whole, changes, cut) => {
      const bytes = Buffer.from(cut % 2 ? whole.subarray(0, cut % whole.length) : whole);
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      const size = readHeader(bytes)?.size;
      if (size) expect(Number.isInteger(size.width) && Number.isInteger(size.height)).toBe(true);
    }),
    { numRuns: 5000 },
  );
});
