/**
 * Bounds on what is read from outside: each input is small, would keep an unbounded reader busy for seconds or fill its
 * memory, and is answered or refused by name in under a second of computing time.
 */
import { deflateRawSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { cpuMilliseconds } from '../cpu_time.testing';
import { parseTagList, TagListError } from './captions/tag_list';
import { ConfigError, parseConfig } from './config/config';
import { readShareLink } from './config/share_link';
import { captionOf, CaptionFileError, joinLines } from './dataset/caption_file';
import { CsvError, parseCsv } from './dataset/csv';
import { readDatasetToml } from './dataset/dataset_toml';
import { readHeader as readPictureHeader } from './dataset/header';
import { readJsonTable, readTable } from './dataset/tables';
import { decodeText } from './dataset/text';
import { importSettings } from './kohya/import_settings';
import { peftAlpha } from './lora/lora_adapter_metadata';
import { fromBytes } from './safetensors/byte_source';
import { readHeader } from './safetensors/safetensors';
import { SafetensorsError } from './safetensors/safetensors_error';
import { parseStrictJson } from './safetensors/strict_json';
import { readProject } from './zip/project_file';
import { openZip, zipLimits } from './zip/zip';

/** What the work gives or throws; fails where it computes too long. */
async function soon(work: () => unknown): Promise<unknown> {
  const before = cpuMilliseconds();
  const answer = await Promise.resolve()
    .then(work)
    .catch((error: unknown) => error);
  expect(cpuMilliseconds() - before).toBeLessThan(1500);
  return answer;
}

const latin = (text: string) => new TextEncoder().encode(text);

test.each([
  ['a ladder of keys in keys', '? a\n'.repeat(3) + '?\n'.repeat(200)],
  ['fifteen thousand names', Array.from({ length: 15_000 }, (_, i) => `k${i.toString(36)}:`).join('\n')],
  [
    'fifteen thousand names in one line',
    `{${Array.from({ length: 10_000 }, (_, i) => `k${i}: 1`).join(',')}}`,
  ],
  ['ten thousand lists within each other', '['.repeat(10_000)],
  ['ten thousand dashes', '- '.repeat(10_000)],
  ['sixty thousand blanks before a word', `a: ${' '.repeat(60_000)}x`],
])('YAML: %s', async (_, text) => {
  expect(await soon(() => parseConfig(text))).toBeInstanceOf(ConfigError);
  expect(await soon(() => importSettings(text))).toBeInstanceOf(ConfigError);
});

test('a name that stands twice is still refused with its line, in every map', () => {
  expect(() => parseConfig('lora_rank: 8\nseed: 1\nlora_rank: 4\n')).toThrow(/Line 3.*second time/);
  expect(() => importSettings('config:\n  name: a\n  name: b\njob: extension\n')).toThrow(
    /Line 3.*second time/,
  );
});

test.each([
  ['blanks in a JSON text', `{"a": "${' '.repeat(190_000)}"}`],
  ['new lines before a TOML name', `${'\n'.repeat(190_000)}x`],
  ['a command of one word', `--${'train'.repeat(38_000)}`],
  ['spaces between arguments', `{"network_dim": 8, "optimizer_args": "a=1${' '.repeat(180_000)}b"}`],
  ['six thousand values', `{${Array.from({ length: 6000 }, (_, i) => `"k${i}": 1`).join(',')}}`],
])('imported settings: %s', async (_, text) => {
  const answer = await soon(() => importSettings(text));
  if (answer instanceof Error) expect(answer).toBeInstanceOf(ConfigError);
});

function headerOf(json: string, dataBytes = 0): Uint8Array {
  const bytes = latin(json);
  const file = new Uint8Array(8 + bytes.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(bytes.length), true);
  file.set(bytes, 8);
  return file;
}

test.each([
  ['twenty megabytes of zeros', `{"a":[${'0,'.repeat(10_000_000)}0]}`],
  ['more tensors than any model has', `{${Array.from({ length: 50_002 }, (_, i) => `"${i}":0`).join(',')}}`],
  ['over 32 MiB', `{"__metadata__":{"a":"${' '.repeat(33 * 2 ** 20)}"}}`],
])('safetensors header: %s', async (_, json) => {
  const answer = await soon(() => readHeader(fromBytes(headerOf(json))));
  expect(answer).toBeInstanceOf(SafetensorsError);
  expect(answer).toMatchObject({ code: 'header-too-much' });
});

test('safetensors header: a long name and a shape of many sides are refused', async () => {
  const entry = (name: string, rank: number) =>
    `{"${name}":{"dtype":"U8","shape":[${Array.from({ length: rank }, () => 1).join()}],"data_offsets":[0,1]}}`;
  expect(await soon(() => readHeader(fromBytes(headerOf(entry('a'.repeat(1001), 1), 1))))).toMatchObject({
    code: 'invalid-name',
  });
  expect(await soon(() => readHeader(fromBytes(headerOf(entry('a', 17), 1))))).toMatchObject({
    code: 'invalid-entry',
  });
  expect(await soon(() => readHeader(fromBytes(headerOf(entry('a', 16), 1))))).not.toBeInstanceOf(Error);
});

test('safetensors header: ten megabytes of metadata, as of a LoRA of very many pictures, are read', async () => {
  const json = JSON.stringify({ __metadata__: { ss_tag_frequency: '"tag": 1, '.repeat(1_000_000) } });
  expect(await soon(() => readHeader(fromBytes(headerOf(json))))).not.toBeInstanceOf(Error);
});

test('strict JSON: values are counted, names are not', () => {
  expect(parseStrictJson('{"a":1,"b":2}', 3)).toBeInstanceOf(Map);
  expect(() => parseStrictJson('{"a":1,"b":2}', 2)).toThrow(expect.objectContaining({ code: 'values' }));
});

test('a LoRA with fifty thousand patterns is asked for each of its layers without going through them all', async () => {
  const patterns = Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [`p${i}`, 1]));
  const metadata = {
    lora_adapter_metadata: JSON.stringify({ 'unet.alpha_pattern': { ...patterns, to_q: 4 } }),
  };
  await soon(() => {
    for (let layer = 0; layer < 20_000; layer++)
      expect.soft(peftAlpha(metadata, `unet.x${layer}.to_q`, 8) === 4).toBe(true);
  });
});

test.each([
  ['a CSV of commas', () => parseCsv(','.repeat(1_000_000), 'x'), CsvError],
  ['a CSV of rows', () => parseCsv('a,b\n'.repeat(200_000), 'x'), CsvError],
  [
    'JSON lines',
    () => readTable('a.jsonl', '{"file_name":"1","text":""}\n'.repeat(100_001), 'x'),
    CaptionFileError,
  ],
  [
    'a list of tags',
    () => parseTagList(latin(`tag_id,name,category\n${'1,a,0\n'.repeat(150_000)}`)),
    TagListError,
  ],
  ['a caption', () => captionOf('a'.repeat(70_000), 'x'), CaptionFileError],
])('%s over the bound is refused', async (_, read, error) => {
  expect(await soon(read)).toBeInstanceOf(error);
});

test('a data set in TOML over the bound is none', async () => {
  const subset = (i: number) => `[[datasets.subsets]]\nimage_dir = "a${i}"\nnum_repeats = 2\n`;
  const toml = (count: number) =>
    `[[datasets]]\n${Array.from({ length: count }, (_, i) => subset(i)).join('')}`;
  expect(readDatasetToml(toml(1500))?.subsets).toHaveLength(1500);
  expect(await soon(() => readDatasetToml(toml(20_000)))).toBeUndefined();
});

test('a JSON of a million empty lists holds no captions', async () => {
  expect(await soon(() => readJsonTable(`[${'[],'.repeat(1_500_000)}[]]`))).toBeUndefined();
});

test('a caption of thirty thousand lines is joined', async () => {
  expect(await soon(() => joinLines('a,\n'.repeat(30_000)))).toMatchObject({ lines: 30_000 });
  expect(joinLines('a.\nb,\nc;\n,\nd')).toEqual({ text: 'a. b, c; d', lines: 5 });
});

test('the line of a broken letter is found behind millions of lines', async () => {
  const bytes = new Uint8Array(8_000_000).fill(0x0a);
  bytes[7_999_990] = 0xff;
  expect(await soon(() => decodeText(bytes))).toEqual({ problem: 'encoding', line: 7_999_991 });
});

test('comments before an SVG are passed once each', async () => {
  expect(await soon(() => readPictureHeader(latin('<!---->'.repeat(146))))).toBeUndefined();
  expect(readPictureHeader(latin('<?xml?> <!-- > --> <!DOCTYPE svg a>\n<svg width="1">'))).toEqual({
    type: 'image/svg+xml',
  });
});

test('a GIF counts as large as its largest frame', () => {
  const gif = latin('GIF89a\x64\0\x64\0\0\0\0,\0\0\0\0\x20\x4e\x20\x4e\0\x02\0');
  expect(readPictureHeader(gif)?.size).toEqual({ width: 20_000, height: 20_000 });
});

/** One deflated file; `size` is what the directory says of it. */
function zipOf(content: Uint8Array, size = content.length, name = 'a.png'): Blob {
  const packed = deflateRawSync(content);
  const path = latin(name);
  const local = new DataView(new ArrayBuffer(30));
  const entry = new DataView(new ArrayBuffer(46));
  const end = new DataView(new ArrayBuffer(22));
  for (const [view, mark, at] of [
    [local, 0x04034b50, 4],
    [entry, 0x02014b50, 6],
  ] as const) {
    view.setUint32(0, mark, true);
    view.setUint16(at + 4, 8, true);
    view.setUint32(at + 14, packed.length, true);
    view.setUint32(at + 18, size, true);
    view.setUint16(at + 22, path.length, true);
  }
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, 1, true);
  end.setUint16(10, 1, true);
  end.setUint32(12, 46 + path.length, true);
  end.setUint32(16, 30 + path.length + packed.length, true);
  return new Blob([local.buffer, path, packed, entry.buffer, path, end.buffer]);
}

test('a zip is refused by what its list says, before any of it is unpacked', async () => {
  const small = latin('x');
  const refusedAs = async (size: number) =>
    (await openZip(zipOf(small, size))).refused.map(({ code }) => code);
  expect(await refusedAs(1_200 * 2 ** 20)).toEqual(['file-too-large']);
  expect(await refusedAs(5 * 2 ** 20)).toEqual(['ratio']);
  const tight = { ...zipLimits, gainBytes: 500 };
  await expect(openZip(zipOf(new Uint8Array(1000)), tight)).rejects.toMatchObject({ code: 'too-large' });
});

test('a project whose list is all brackets is refused', async () => {
  const list = latin(
    `{"format":"lora-studio-project","version":1,"pictures":[${'[],'.repeat(2_000_000)}[]]}`,
  );
  const zip = zipOf(list, list.length, 'project.json');
  expect(await soon(() => readProject(zip))).toMatchObject({ name: 'ProjectFileError' });
});

test('a link that unfolds to a megabyte is refused', async () => {
  const packed = deflateRawSync(new Uint8Array(1_000_000).fill(0x20)).toString('base64url');
  expect(await soon(() => readShareLink(`#c=${packed}`))).toMatchObject({ code: 'too-large' });
});
