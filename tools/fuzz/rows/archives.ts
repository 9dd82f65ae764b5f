/** Files within files: zips, projects, ONNX models. */
import { crc32, deflateRawSync } from 'node:zlib';
import { joined } from '../../../src/formats/protobuf/wire';
import { fromBytes } from '../../../src/formats/safetensors/byte_source';
import { readOnnxFile } from '../../../src/formats/onnx/onnx_file';
import { isProjectFile, readProject, writeProject } from '../../../src/formats/zip/project_file';
import { openZip, zipLimits } from '../../../src/formats/zip/zip';
import { writeZip } from '../../../src/formats/zip/zip_write';
import { bytesOf, mutated } from '../mutate';
import type { Random } from '../random';
import { bytesRow, promise, type Row } from '../row';
import { bytesIn } from '../seed_files';

export function archiveRows(): Row[] {
  return [zipRow(), projectRow(), onnxRow()];
}

function zipRow(): Row {
  let seeds: readonly Uint8Array[] = [];
  return {
    name: 'zip, every file opened',
    refusals: ['ZipError'],
    share: 0.5,
    async prepare() {
      seeds = [
        await stored({ 'a.png': 'picture', 'b/a.txt': 'a cat' }),
        zipOf({ 'a.txt': 'x'.repeat(300), 'c/b': 'y' }),
      ];
    },
    case(random) {
      const input = (
        random.oneIn(4) ? lyingZip(random) : mutated(random, { seeds, words: zipWords, longest: 20_000 })
      ) as Uint8Array<ArrayBuffer>;
      return {
        input,
        async read() {
          const zip = await openZip(new Blob([input]), zipLimits, random.of([undefined, 'gbk', 'shift-jis']));
          for (const entry of zip.entries) {
            promise(!entry.path.includes('..') || !/(^|\/)\.\.(\/|$)/.test(entry.path), 'a path leads out');
            await entry.open().then(
              ({ size }) => promise(size === entry.size, 'a file is of another size'),
              (error: unknown) => {
                if (!(error instanceof Error && error.name === 'ZipError')) throw error;
              },
            );
          }
        },
      };
    },
  };
}

const zipWords = [
  'PK\x01\x02',
  'PK\x03\x04',
  'PK\x05\x06',
  'PK\x06\x06',
  'PK\x06\x07',
  '../',
  '\0\0',
  '\xff\xff\xff\xff',
  'a.png',
  '\\',
  'C:',
];

/** Deflated zips whose directory says other sizes, offsets and checksums than are true. */
function lyingZip(random: Random): Uint8Array {
  const content = random.oneIn(2)
    ? new Uint8Array(random.size(random.oneIn(16) ? 3_000_000 : 3000))
    : bytesOf('a cat'.repeat(random.size(50)));
  return zipOf({ 'a.png': content, 'b.txt': 'x' }, (view, at) => {
    if (random.oneIn(3))
      view.setUint32(
        at + 24,
        random.of([0, 1, content.length, content.length - 1, 5_000_000, 0xffffffff]),
        true,
      );
    if (random.oneIn(6)) view.setUint32(at + 20, random.of([0, 1, 1000, 0xffffffff]), true);
    if (random.oneIn(6)) view.setUint32(at + 42, random.of([0, 1, 30, 0x7fffffff]), true);
    if (random.oneIn(6)) view.setUint16(at + 10, random.of([0, 8, 9, 99]), true);
    if (random.oneIn(6)) view.setUint16(at + 8, random.of([1, 0x800, 8]), true);
  });
}

async function stored(files: Record<string, string>): Promise<Uint8Array> {
  const inputs = Object.entries(files).map(([path, text]) => ({ path, file: new Blob([text]) }));
  return new Uint8Array(await (await writeZip(inputs)).arrayBuffer());
}

/** `lie` gets each record of the directory. */
function zipOf(
  files: Readonly<Record<string, string | Uint8Array>>,
  lie: (view: DataView, at: number) => void = () => undefined,
): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [path, content] of Object.entries(files)) {
    const bytes = bytesOf(content);
    const name = bytesOf(path);
    const packed = deflateRawSync(bytes);
    const local = new Uint8Array(30);
    const record = new Uint8Array(46);
    const [a, b] = [new DataView(local.buffer), new DataView(record.buffer)];
    a.setUint32(0, 0x04034b50, true);
    b.setUint32(0, 0x02014b50, true);
    for (const [view, at] of [
      [a, 4],
      [b, 6],
    ] as const) {
      view.setUint16(at + 2, 0x800, true);
      view.setUint16(at + 4, 8, true);
      view.setUint32(at + 10, crc32(bytes), true);
      view.setUint32(at + 14, packed.length, true);
      view.setUint32(at + 18, bytes.length, true);
      view.setUint16(at + 22, name.length, true);
    }
    b.setUint32(42, offset, true);
    lie(b, 0);
    parts.push(local, name, packed);
    directory.push(record, name);
    offset += local.length + name.length + packed.length;
  }
  const list = joined(directory);
  const end = new Uint8Array(22);
  const view = new DataView(end.buffer);
  view.setUint32(0, 0x06054b50, true);
  view.setUint16(8, directory.length / 2, true);
  view.setUint16(10, directory.length / 2, true);
  view.setUint32(12, list.length, true);
  view.setUint32(16, offset, true);
  return joined([...parts, list, end]);
}

/** A project's list that was changed, in a sound zip; and zips that were changed. */
function projectRow(): Row {
  let whole: Uint8Array = new Uint8Array();
  let list: Uint8Array = new Uint8Array();
  return {
    name: 'project file',
    refusals: ['ZipError', 'ProjectFileError'],
    share: 0.5,
    async prepare() {
      const pictures = [{ name: 'a.png', caption: 'a cat', repeats: 2, focus: [0.5, 0.25] as const }];
      const project = {
        name: 'zk',
        purpose: 'style' as const,
        trigger: 'zk',
        settings: { lora_rank: 8 },
        captions: { template: '[subject]' },
      };
      whole = new Uint8Array(
        await (await writeProject(project, pictures, () => Promise.resolve(new Blob(['x'])))).arrayBuffer(),
      );
      const zip = await openZip(new Blob([whole as Uint8Array<ArrayBuffer>]));
      list = new Uint8Array(await (await zip.entries[0].open()).arrayBuffer());
    },
    case(random) {
      const words = [
        '"pictures": ',
        '"settings": ',
        '"path": ',
        '[',
        '{',
        'null',
        '"__proto__": ',
        '1e9',
        '"version": 2',
        '\\u0000',
        '"focus": ',
      ];
      const text = mutated(random, { seeds: [list], words });
      const input = random.oneIn(4)
        ? mutated(random, { seeds: [whole], words: zipWords, longest: 20_000 })
        : zipOf({ 'project.json': text, 'pictures/a.png': 'x' });
      const file = new Blob([input as Uint8Array<ArrayBuffer>]);
      return {
        input: random.oneIn(4) ? input : text,
        async read() {
          await isProjectFile(file);
          const { project, pictures } = await readProject(file);
          promise(project.name.length <= 160 && project.name !== '', 'a project without a name');
          for (const { repeats, focus, name } of pictures) {
            promise(
              repeats >= 1 && repeats <= 1000 && focus.every((part) => part >= 0 && part <= 1),
              'numbers out of range',
            );
            promise(!/[\\/]/.test(name), 'a name with folders');
          }
        },
      };
    },
  };
}

function onnxRow(): Row {
  return bytesRow(
    'ONNX model',
    [],
    12,
    () => ({
      seeds: [
        bytesIn('public/demo/clip_text.onnx').slice(0, 3000),
        // ir_version 8; graph with a node and a tensor in another file; metadata.
        bytesOf('\x08\x08\x3a\x16\x2a\x14\x6a\x12\x0a\x08location\x12\x06w.data\x72\x08\x0a\x02ab\x12\x02cd'),
        bytesOf('\x08\x07\x12\x02pt\x3a\x00'),
      ],
      words: [
        '\x3a',
        '\x72',
        '\x0a',
        '\x12',
        '\x6a\x12\x0a\x08location\x12\x06w.data',
        Uint8Array.of(0xff, 0xff, 0xff, 0x7f),
        Uint8Array.of(0x80),
      ],
    }),
    async (bytes) => {
      const reading = await readOnnxFile(fromBytes(bytes));
      promise(!reading.ok || reading.external.length <= 1000, 'too many files are named');
    },
  );
}
