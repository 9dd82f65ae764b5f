/** What a folder of pictures and captions is made of. */
import { Buffer } from 'node:buffer';
import { merged, mergeModes } from '../../../src/formats/captions/caption_merge';
import { joinLines } from '../../../src/formats/dataset/caption_file';
import { parseCsv } from '../../../src/formats/dataset/csv';
import { readDataset } from '../../../src/formats/dataset/dataset';
import { folderMeant, readDatasetToml } from '../../../src/formats/dataset/dataset_toml';
import { folderCases } from '../../../src/formats/dataset/folders.testing';
import { kohyaFolder, numberedFolder } from '../../../src/formats/dataset/folders';
import { readHeader } from '../../../src/formats/dataset/header';
import { fileKey, kindOf, nameOf, stemOf } from '../../../src/formats/dataset/kinds';
import {
  editCsvTable,
  formatMetadataCsv,
  parseMetadataCsv,
  readCsvTable,
} from '../../../src/formats/dataset/metadata_csv';
import { inNaturalOrder, UniqueNames } from '../../../src/formats/dataset/names';
import { noteWords } from '../../../src/formats/dataset/notes';
import { refusalOf } from '../../../src/formats/dataset/refusal';
import { readJsonTable, readTable } from '../../../src/formats/dataset/tables';
import {
  addTags,
  moveTag,
  removeTags,
  retypeTag,
  splitTags,
  typedTags,
} from '../../../src/formats/dataset/tags';
import { decodeText, encodings, encodingPreviews } from '../../../src/formats/dataset/text';
import { triggerOffer, withoutTrigger, withTrigger } from '../../../src/formats/dataset/trigger';
import { missingShards, modelFilesAmong } from '../../../src/formats/checkpoint/diffusers_files';
import { parseTagList, spokenTag } from '../../../src/formats/captions/tag_list';
import { bytesOf, mutated } from '../mutate';
import type { Random } from '../random';
import { bytesRow, promise, textRow, type Row } from '../row';
import { textIn } from '../seed_files';

const csvWords = [
  '"',
  '""',
  ',',
  ';',
  '\t',
  '\r\n',
  '\r',
  'file_name,text\n',
  'img.png,',
  '",',
  ' "',
  '\\',
  '../',
  '\ufeff',
];
const csvSeeds = [
  'img01.jpg,"cyberpunk cityscape, neon"\nimg02.jpg,"a ""quoted"" cat"\n',
  'file_name;text;tags\r\na.png;"x; y";1\r\n',
  '\ufefffile\tcaption\na\tb\n',
];

export function datasetRows(): Row[] {
  return [
    textRow(
      'CSV',
      ['CsvError'],
      10,
      () => ({ seeds: csvSeeds, words: csvWords }),
      (text, random) => {
        for (const { fields, spans } of parseCsv(text, 'x', random.of([',', ';', '\t'] as const)))
          promise(fields.length === spans.length, 'a field has no place');
      },
    ),
    textRow(
      'metadata.csv',
      ['CaptionFileError'],
      4,
      () => ({ seeds: csvSeeds, words: csvWords }),
      (text) => {
        const { rows } = readCsvTable(text, 'metadata.csv');
        const again = parseMetadataCsv(formatMetadataCsv(rows));
        // A row that says the same twice is once said twice, and names are compared in one form of Unicode.
        promise(again.length === rows.length, 'rows were lost in writing');
        if (rows.length === 0) return;
        const edited = readCsvTable(editCsvTable(text, new Map([[0, 'new "text"']]), []), 'metadata.csv');
        promise(edited.rows.length === rows.length, 'rows were lost in changing one');
      },
    ),
    textRow(
      'JSONL and JSON tables',
      ['CaptionFileError'],
      4,
      () => ({
        seeds: [
          '{"file_name": "1.png", "text": "a cat"}\n{"file_name": "2.png", "text": "b"}\n',
          '{"a.png": {"caption": "x", "tags": "y, z"}}',
          '[{"image": "a", "caption": "b"}]',
        ],
        words: ['{"file_name": ', '"text": ', '\n', '"__proto__": ', '[', '\\u0000', 'null', '}'],
      }),
      (text) => {
        readJsonTable(text);
        readTable('metadata.jsonl', text, 'metadata.jsonl');
      },
    ),
    textRow(
      'dataset TOML',
      [],
      1,
      () => ({
        seeds: [
          '[general]\nnum_repeats = 2\n[[datasets]]\n  [[datasets.subsets]]\n  image_dir = "C:\\\\train\\\\10_cat"\n  class_tokens = "cat"\n  is_reg = false\n',
        ],
        words: [
          '[[datasets]]\n',
          '[[datasets.subsets]]\n',
          'image_dir = ',
          '"""',
          '__proto__ = 1\n',
          "'",
          '../',
        ],
      }),
      (text) => {
        for (const { imageDir } of readDatasetToml(text)?.subsets ?? [])
          folderMeant(imageDir, 'a/b', ['a', 'train/10_cat', 'b/c'], 'set');
      },
    ),
    bytesRow(
      'text in any encoding',
      [],
      6,
      () => ({
        seeds: [
          Uint8Array.of(0xcb, 0xae, 0xc4, 0xab, 0x2c, 0x20, 0xc9, 0xbd),
          Uint8Array.of(0xff, 0xfe, 0x61, 0, 0x62, 0),
          bytesOf('\ufeffa cat\r\n水墨'),
          Uint8Array.of(0x94, 0x4c, 0x82, 0xc6),
        ],
        longest: 100_000,
      }),
      (bytes, random) => {
        const read = decodeText(bytes, random.of([undefined, ...encodings]));
        if ('text' in read) joinLines(read.text);
        encodingPreviews([bytes]);
      },
    ),
    textRow(
      'list of tags',
      ['TagListError'],
      4,
      () => ({
        seeds: [
          'tag_id,name,category,count\n9999999,general,9,8\n470575,1girl,0,4225150\n1,>_<,0,3\n2,miku_(vocaloid),4,2\n',
        ],
        words: ['tag_id,name,category,count\n', '"', ',', '\n', '0', '_', '4'],
      }),
      (text) => parseTagList(bytesOf(text)).map(({ name }) => spokenTag(name)),
    ),
    textRow(
      'tags and trigger',
      [],
      10,
      () => ({
        seeds: ['1girl, solo, zk', 'a cat，水墨、b', ' , ,x,, '],
        words: [',', '，', '、', ' ', 'zk', '\u3000'],
        longest: 50_000,
      }),
      (text, random) => {
        const tags = splitTags(text);
        const [from, to] = [random.below(tags.length + 2) - 1, random.below(tags.length + 2) - 1];
        promise(splitTags(moveTag(text, from, to)).length === tags.length, 'moving a tag lost one');
        promise(splitTags(removeTags(text, ['zk'])).length <= tags.length, 'removing a tag added one');
        retypeTag(text, from, typedTags(text).slice(0, 2).join(','));
        const trained = withTrigger(addTags(text, ['b'], random.of(['front', 'end'])), 'zk');
        // Written with other capitals it is the same to the tokenizer, and is not written twice.
        promise(text.trim() === '' || trained.toLowerCase().includes('zk'), 'the trigger is missing');
        withoutTrigger(trained, 'zk');
        triggerOffer([
          { caption: text, captionFrom: 'a' },
          { caption: trained, captionFrom: 'b' },
        ]);
      },
    ),
    textRow(
      'merged captions',
      [],
      20,
      () => ({ seeds: ['a cat, on a mat', 'a cat，', ', , '], words: [',', ' ', '，'], longest: 20_000 }),
      (text, random) => {
        const proposed = random.of(['a cat, red, b', '', 'x'.repeat(random.size(500))]);
        const out = merged(text, proposed, random.of(mergeModes), (each) => each.length >> 2);
        promise(typeof out === 'string', 'no text');
      },
    ),
    bytesRow('picture header', [], 16, pictureSeeds, (bytes) => {
      const header = readHeader(bytes);
      if (header) refusalOf(header);
    }),
    {
      name: 'names of files',
      refusals: [],
      share: 2,
      case(random) {
        const paths = pathsIn(random, 40);
        return {
          input: JSON.stringify(paths),
          read() {
            promise(inNaturalOrder(paths, (path) => path).length === paths.length, 'names were lost');
            const unique = new UniqueNames();
            const given = new Set(paths.map((path) => fileKey(unique.take(path)).toLowerCase()));
            promise(given.size === paths.length, 'a name was given twice');
            for (const path of paths) {
              kindOf(path);
              stemOf(nameOf(path));
              kohyaFolder(path, '10_a');
              numberedFolder(path);
            }
            modelFilesAmong(paths);
            promise(missingShards(paths).length < 100_000, 'a name asks for too many shards');
          },
        };
      },
    },
    folderRow(),
  ];
}

function pictureSeeds() {
  const encoded = JSON.parse(textIn('src/formats/dataset/fixtures/encoded.json')) as Record<string, string>;
  const bomb = bytesOf('GIF89a\x64\0\x64\0\0\0\0,\0\0\0\0\x20N N\0');
  return {
    seeds: [
      ...Object.values(encoded).map((text) => new Uint8Array(Buffer.from(text, 'base64')).slice(0, 2000)),
      bomb,
      bytesOf('<?xml version="1.0"?><!-- x --><svg width="9">'),
      bytesOf('BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0\x10\0\0\0\x10\0\0\0'),
      bytesOf('\0\0\0\x20ftypheic\0\0\0\0mif1heic'),
    ],
    words: [
      '<!--',
      '-->',
      '<?',
      '?>',
      '<svg',
      '<!DOCTYPE svg',
      'ispe',
      'meta',
      'iprp',
      'ipco',
      'VP8X',
      'VP8L',
      '\0\0\0\x08',
      '\xff\xc0',
      '\xff\xff',
      ',',
      '!',
    ],
    longest: 400_000,
  };
}

const pieces = [
  'a',
  'b',
  '10_cat',
  '2024_summer',
  'reg',
  'mask',
  'img',
  'log',
  '..',
  '.',
  'IMG',
  'É',
  'e\u0301',
  '水墨',
  '0_x',
  '__MACOSX',
  '',
];
const names = [
  '1.png',
  '01.PNG',
  'a.txt',
  'a.png.txt',
  'a.caption',
  'metadata.csv',
  'dataset.toml',
  'meta_cap.json',
  'x.zip',
  'unet/diffusion_pytorch_model-00001-of-00003.safetensors',
  'model.fp16-00099-of-99999.safetensors',
  '.hidden',
  'a',
  'a.',
  '.',
  '...png',
  'c.yaml',
  'a-masklabel.png',
];

function pathsIn(random: Random, most: number): string[] {
  return random.list(most, () => {
    const folders = random.list(4, () => random.of(pieces)).join('/');
    const name = random.oneIn(8)
      ? new TextDecoder().decode(mutated(random, { seeds: names.map(bytesOf) }))
      : random.of(names);
    return `${folders}${folders ? '/' : ''}${name}`;
  });
}

/** A folder of the table of folders with files renamed, moved, dropped, changed; read as page and command line read it. */
function folderRow(): Row {
  const contents = folderCases.flatMap(({ files }) => Object.values(files).map((each) => bytesOf(each)));
  return {
    name: 'a whole folder',
    refusals: [],
    share: 1,
    case(random) {
      const { files, choices } = random.of(folderCases);
      const own = Object.entries(files).filter(() => !random.oneIn(6));
      const others = pathsIn(random, 8).map((path) => [path, random.of(contents)] as const);
      const folder = new Map(
        [...own, ...others].map(([path, content]) => [
          path,
          random.oneIn(3)
            ? mutated(random, { seeds: [bytesOf(content)], words: csvWords, longest: 50_000 })
            : bytesOf(content),
        ]),
      );
      const chosen = random.oneIn(3) ? { ...choices, encoding: random.of(encodings) } : (choices ?? {});
      return {
        input: JSON.stringify(
          [...folder].map(([path, bytes]) => [path, Buffer.from(bytes.subarray(0, 200)).toString('base64')]),
        ),
        async read() {
          const listed = [...folder.keys()].map((path) => ({ path, modified: random.below(5) * 1000 }));
          const dataset = await readDataset(
            listed,
            (path) => {
              const bytes = folder.get(path);
              return bytes ? Promise.resolve(bytes) : Promise.reject(new Error('gone'));
            },
            chosen,
          );
          const pictures = listed.filter(({ path }) => kindOf(path) === 'picture').length;
          promise(dataset.pictures.length + dataset.setAside.length === pictures, 'a picture was lost');
          for (const note of dataset.notes)
            promise(noteWords(note).en !== '' && noteWords(note).zh !== '', 'a note says nothing');
        },
      };
    },
  };
}
