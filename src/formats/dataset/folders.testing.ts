/**
 * Folders as people bring them, and by hand what each of them means: pictures with caption and repeats, what is set
 * aside, notes and questions. One table for the pure module, the command line and a browser. Long because the list is.
 */
import type { DatasetChoices } from './dataset';
import type { AsideReason } from './folders';
import type { DatasetNote } from './notes';

/** A picture in a folder of the table; whoever writes the folder to disk makes a real one. */
export const picture = 'PICTURE';

export interface FolderCase {
  what: string;
  files: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>;
  /** Seconds since 1970, by path. Files that are not named have no time here, and the same time on a disk. */
  modified?: Readonly<Record<string, number>>;
  choices?: DatasetChoices;
  /** Path, caption, repeats; in order. */
  pictures: readonly (readonly [string, string, number])[];
  aside?: Readonly<Record<string, AsideReason>>;
  /** In the order they are said; without the offer of a trigger, "no caption" and "captioned after the folder". */
  notes?: readonly DatasetNote['kind'][];
  asks?: readonly ('encoding' | 'twoSources')[];
  trigger?: string;
  /** The command line does not begin, for this reason. */
  refused?: 'encoding' | 'bad-caption';
}

/** 水墨, 山水 as Chinese Windows saves it; UTF-8 too, by chance. */
const gbkInk = Uint8Array.of(0xcb, 0xae, 0xc4, 0xab, 0x2c, 0x20, 0xc9, 0xbd, 0xcb, 0xae);
/** 猫と犬 in Shift-JIS. */
const sjisCat = Uint8Array.of(0x94, 0x4c, 0x82, 0xc6, 0x8c, 0xa2);
/** “café” as Windows saves it. */
const cafe = Uint8Array.of(0x93, 0x63, 0x61, 0x66, 0xe9, 0x94);
const utf16 = (text: string, bigEndian: boolean) =>
  Uint8Array.from(
    Array.from(`\ufeff${text}`, (letter) => letter.charCodeAt(0)).flatMap((unit) =>
      bigEndian ? [unit >> 8, unit & 255] : [unit & 255, unit >> 8],
    ),
  );

const sidecars: readonly FolderCase[] = [
  {
    what: 'plain pictures with .txt and .caption files, in natural order',
    files: {
      '10.png': picture,
      '2.png': picture,
      '1.png': picture,
      '2.txt': 'a cat',
      '10.caption': '水墨画, 山\n',
    },
    pictures: [
      ['1.png', '', 1],
      ['2.png', 'a cat', 1],
      ['10.png', '水墨画, 山', 1],
    ],
  },
  {
    what: 'a caption of several lines, the first blank',
    files: { 'a.png': picture, 'a.txt': '\n a red circle \r\nblue ground\nzk\n' },
    pictures: [['a.png', 'a red circle, blue ground, zk', 1]],
    notes: ['joined-lines'],
  },
  {
    what: 'names and endings in any case',
    files: { 'DSC_1.JPG': picture, 'DSC_1.TXT': 'one', 'DSC_2.Jpeg': picture, 'dsc_2.txt': 'two' },
    pictures: [
      ['DSC_1.JPG', 'one', 1],
      ['DSC_2.Jpeg', 'two', 1],
    ],
  },
  {
    what: 'the whole name with .txt behind, which holds for that picture alone',
    files: {
      'a.png': picture,
      'a.jpg': picture,
      'a.png.txt': 'the drawing',
      'b.webp': picture,
      'b.webp.caption': 'b',
    },
    pictures: [
      ['a.jpg', '', 1],
      ['a.png', 'the drawing', 1],
      ['b.webp', 'b', 1],
    ],
  },
  {
    what: 'two pictures of one stem share its caption',
    files: { 'a.png': picture, 'a.jpg': picture, 'a.txt': 'both' },
    pictures: [
      ['a.jpg', 'both', 1],
      ['a.png', 'both', 1],
    ],
    trigger: 'both',
  },
  {
    what: 'a byte order mark and CRLF',
    files: { 'a.png': picture, 'a.txt': '\ufeffa red hat\r\n' },
    pictures: [['a.png', 'a red hat', 1]],
  },
  {
    what: 'UTF-16, as Notepad saves "Unicode"',
    files: {
      'a.png': picture,
      'a.txt': utf16('一只猫, red', false),
      'b.png': picture,
      'b.txt': utf16('山水\r\nblue', true),
    },
    pictures: [
      ['a.png', '一只猫, red', 1],
      ['b.png', '山水, blue', 1],
    ],
    notes: ['joined-lines'],
  },
  {
    what: 'GBK is not read before the person says so',
    files: { 'a.png': picture, 'a.txt': gbkInk, 'b.png': picture, 'b.txt': 'plain' },
    pictures: [
      ['a.png', '', 1],
      ['b.png', 'plain', 1],
    ],
    asks: ['encoding'],
    refused: 'encoding',
  },
  {
    what: 'GBK, chosen',
    files: { 'a.png': picture, 'a.txt': gbkInk, 'b.png': picture, 'b.txt': '墨竹' },
    choices: { encoding: 'gbk' },
    pictures: [
      ['a.png', '水墨, 山水', 1],
      ['b.png', '墨竹', 1],
    ],
    notes: ['encoding'],
  },
  {
    what: 'Shift-JIS, chosen',
    files: { 'a.png': picture, 'a.txt': sjisCat },
    choices: { encoding: 'shift-jis' },
    pictures: [['a.png', '猫と犬', 1]],
    notes: ['encoding'],
  },
  {
    what: 'a metadata.csv of Windows-1252, chosen',
    files: {
      'a.png': picture,
      'metadata.csv': Uint8Array.of(...new TextEncoder().encode('a.png,'), ...cafe),
    },
    choices: { encoding: 'windows-1252' },
    pictures: [['a.png', '“café”', 1]],
    notes: ['encoding'],
  },
  {
    what: 'an empty caption file',
    files: { '5_cat/a.png': picture, '5_cat/a.txt': ' \n', '5_cat/b.png': picture },
    pictures: [
      ['5_cat/a.png', '', 5],
      ['5_cat/b.png', 'cat', 5],
    ],
    notes: ['repeats'],
    trigger: 'cat',
  },
  {
    what: '.txt before .caption, where neither is newer',
    files: { 'a.png': picture, 'a.txt': 'from txt', 'a.caption': 'from caption' },
    pictures: [['a.png', 'from txt', 1]],
    notes: ['two-captions'],
    asks: ['twoSources'],
  },
  {
    what: 'captions in a folder of their own',
    files: {
      'images/1.png': picture,
      'images/2.png': picture,
      'captions/1.txt': 'one',
      'captions/2.txt': 'two',
      'captions/3.txt': 'three',
    },
    pictures: [
      ['images/1.png', 'one', 1],
      ['images/2.png', 'two', 1],
    ],
    notes: ['captions-alone'],
  },
  {
    what: 'names of a Mac beside names of another system',
    files: { 'e\u0301te\u0301.png': picture, '\u00e9t\u00e9.txt': 'summer' },
    pictures: [['e\u0301te\u0301.png', 'summer', 1]],
  },
  {
    what: 'full-width commas, and a tag that all captions begin with',
    files: { 'a.png': picture, 'a.txt': 'zk，a red circle，blue', 'b.png': picture, 'b.txt': 'ZK、sea' },
    pictures: [
      ['a.png', 'zk，a red circle，blue', 1],
      ['b.png', 'ZK、sea', 1],
    ],
    trigger: 'zk',
  },
];

const folders: readonly FolderCase[] = [
  {
    what: 'a year is no number of repeats',
    files: {
      '2024_summer/a.png': picture,
      '2024_summer/a.txt': 'beach',
      '2_zk/b.png': picture,
      '2_zk/b.txt': 'portrait',
    },
    pictures: [
      ['2_zk/b.png', 'portrait', 2],
      ['2024_summer/a.png', 'beach', 1],
    ],
    notes: ['repeats', 'no-repeats-number'],
  },
  {
    what: "kohya's folders: class words where a caption is missing",
    files: {
      '10_sks cat/a.png': picture,
      '10_sks cat/b.png': picture,
      '10_sks cat/b.txt': 'asleep',
      'spare/c.png': picture,
    },
    pictures: [
      ['10_sks cat/a.png', 'sks cat', 10],
      ['10_sks cat/b.png', 'asleep', 10],
      ['spare/c.png', '', 1],
    ],
    notes: ['repeats'],
  },
  {
    what: "kohya's folder chosen itself",
    files: { 'a.png': picture, 'b.png': picture },
    choices: { root: '12_kiko girl' },
    pictures: [
      ['a.png', 'kiko girl', 12],
      ['b.png', 'kiko girl', 12],
    ],
    notes: ['repeats'],
    trigger: 'kiko girl',
  },
  {
    what: 'folders within folders, the innermost number counting',
    files: {
      'img/10_kiko/face/a.png': picture,
      'img/10_kiko/3_side/b.png': picture,
      'img/more/deep/c.png': picture,
    },
    pictures: [
      ['img/10_kiko/3_side/b.png', 'side', 3],
      ['img/10_kiko/face/a.png', 'kiko', 10],
      ['img/more/deep/c.png', '', 1],
    ],
    notes: ['repeats', 'repeats'],
  },
  {
    what: 'a bare number is no number of repeats',
    files: { '3/a.png': picture, '12/b.png': picture, '12/b.txt': 'b' },
    pictures: [
      ['3/a.png', '', 1],
      ['12/b.png', 'b', 1],
    ],
    notes: ['no-repeats-number'],
  },
  {
    what: 'no repeats: set aside',
    files: { '0_spare/a.png': picture, '1_main/b.png': picture },
    pictures: [['1_main/b.png', 'main', 1]],
    aside: { '0_spare/a.png': 'no-repeats' },
    notes: ['aside'],
    trigger: 'main',
  },
  {
    what: "kohya_ss's layout: img, log, model, reg",
    files: {
      'img/5_zk man/a.png': picture,
      'img/5_zk man/a.txt': 'zk man, smiling',
      'log/run/loss.png': picture,
      'model/sample/zk_000100.png': picture,
      'reg/1_man/r.png': picture,
      'reg/1_man/r.txt': 'a man',
    },
    pictures: [['img/5_zk man/a.png', 'zk man, smiling', 5]],
    aside: {
      'log/run/loss.png': 'output',
      'model/sample/zk_000100.png': 'output',
      'reg/1_man/r.png': 'regularisation',
    },
    notes: ['repeats', 'aside', 'aside'],
    trigger: 'zk man',
  },
  {
    what: 'a folder called model without an img beside is a folder of pictures',
    files: { 'model/a.png': picture, 'street/b.png': picture },
    pictures: [
      ['model/a.png', '', 1],
      ['street/b.png', '', 1],
    ],
  },
  {
    what: 'a regularisation set chosen by itself',
    files: { 'reg/1_man/a.png': picture, 'reg/1_man/b.png': picture },
    pictures: [
      ['reg/1_man/a.png', 'man', 1],
      ['reg/1_man/b.png', 'man', 1],
    ],
    trigger: 'man',
  },
  {
    what: 'a folder of masks',
    files: { '4_zk/a.png': picture, '4_zk/a.txt': 'a', '4_zk/masks/a.png': picture, 'mask/b.png': picture },
    pictures: [['4_zk/a.png', 'a', 4]],
    aside: { '4_zk/masks/a.png': 'mask', 'mask/b.png': 'mask' },
    notes: ['repeats', 'aside'],
    trigger: 'zk',
  },
  {
    what: 'carnival masks, with captions, are pictures',
    files: { 'faces/a.png': picture, 'masks/b.png': picture, 'masks/b.txt': 'a golden mask' },
    pictures: [
      ['faces/a.png', '', 1],
      ['masks/b.png', 'a golden mask', 1],
    ],
  },
  {
    what: "OneTrainer's masks beside the pictures, and conditioning",
    files: {
      'a.png': picture,
      'a-masklabel.png': picture,
      'a.txt': 'one',
      'conditioning/a.png': picture,
    },
    pictures: [['a.png', 'one', 1]],
    aside: { 'a-masklabel.png': 'mask', 'conditioning/a.png': 'mask' },
    notes: ['aside'],
  },
  {
    what: 'what systems and other programs leave about',
    files: {
      'a.png': picture,
      '._a.png': 'resource fork',
      '.ipynb_checkpoints/a-checkpoint.png': picture,
      'Thumbs.db': 'x',
      'a.npz': 'latents',
      'a.png.json': '{"tags": ["x"]}',
      'model.safetensors': 'x',
      'photo_list.csv': 'a,b,c,d\n1,2,3,4\n',
    },
    pictures: [['a.png', '', 1]],
  },
  {
    what: 'a zip in the folder',
    files: { 'a.png': picture, 'more.zip': 'PK' },
    pictures: [['a.png', '', 1]],
    notes: ['zip'],
  },
];

const tables: readonly FolderCase[] = [
  {
    what: 'metadata.csv as lora-scripts writes it',
    files: {
      'img01.jpg': picture,
      'img02.png': picture,
      'metadata.csv': 'img01.jpg,"neon, rain"\nimg02.png,"fog"\n',
    },
    pictures: [
      ['img01.jpg', 'neon, rain', 1],
      ['img02.png', 'fog', 1],
    ],
  },
  {
    what: 'METADATA.CSV with a header',
    files: { 'a.png': picture, 'METADATA.CSV': 'Image,Caption\r\na.png,"one, two"\r\n' },
    pictures: [['a.png', 'one, two', 1]],
  },
  {
    what: 'a space after the comma',
    files: { 'a.png': picture, 'metadata.csv': 'file_name, text\na.png, "one, two"\n' },
    pictures: [['a.png', 'one, two', 1]],
  },
  {
    what: 'further columns in a captions.csv',
    files: { 'a.png': picture, 'captions.csv': 'id,file,caption,tags\n7,a.png,"a hill, mist",outdoor\n' },
    pictures: [['a.png', 'a hill, mist', 1]],
  },
  {
    what: 'semicolons, as Excel saves in half of Europe',
    files: { 'a.png': picture, 'b.png': picture, 'metadata.csv': 'a.png;one, two\nb.png;"three; four"\n' },
    pictures: [
      ['a.png', 'one, two', 1],
      ['b.png', 'three; four', 1],
    ],
  },
  {
    what: 'tabs',
    files: { 'a.png': picture, 'labels.tsv': 'image\ttext\na.png\tone, two\n' },
    pictures: [['a.png', 'one, two', 1]],
  },
  {
    what: 'rows in another case, with another ending or none',
    files: {
      'IMG_1.JPG': picture,
      'b.webp': picture,
      'c.png': picture,
      'metadata.csv': 'img_1.jpg,one\nb.png,two\nc,three\n',
    },
    pictures: [
      ['b.webp', 'two', 1],
      ['c.png', 'three', 1],
      ['IMG_1.JPG', 'one', 1],
    ],
  },
  {
    what: 'a row without a picture, and a picture without a row',
    files: {
      'a.png': picture,
      'new.png': picture,
      'new.txt': 'from its file',
      'metadata.csv': 'a.png,one\ngone.png,two\n',
    },
    pictures: [
      ['a.png', 'one', 1],
      ['new.png', 'from its file', 1],
    ],
    notes: ['rows-alone'],
  },
  {
    what: "a table in a subset's folder, with the same names as another's",
    files: {
      '5_cat/1.png': picture,
      '5_cat/metadata.csv': '1.png,a cat\n',
      '2_dog/1.png': picture,
      '2_dog/metadata.csv': '1.png,a dog\n',
    },
    pictures: [
      ['2_dog/1.png', 'a dog', 2],
      ['5_cat/1.png', 'a cat', 5],
    ],
    notes: ['repeats', 'repeats'],
  },
  {
    what: 'rows that name the folder, with both slashes',
    files: {
      'sub/a.png': picture,
      'sub/b.png': picture,
      'other/a.png': picture,
      'metadata.csv': 'sub\\a.png,one\n./sub/b.png,two\n',
    },
    pictures: [
      ['other/a.png', '', 1],
      ['sub/a.png', 'one', 1],
      ['sub/b.png', 'two', 1],
    ],
  },
  {
    what: 'two captions for one picture, and no times: the table',
    files: { 'a.png': picture, 'a.txt': 'from the file', 'metadata.csv': 'a.png,from the table\n' },
    pictures: [['a.png', 'from the table', 1]],
    notes: ['two-captions'],
    asks: ['twoSources'],
  },
  {
    what: 'two captions for one picture: the newer file',
    files: { 'a.png': picture, 'a.txt': 'edited since', 'metadata.csv': 'a.png,from the table\n' },
    modified: { 'a.txt': 2000, 'metadata.csv': 1000 },
    pictures: [['a.png', 'edited since', 1]],
    notes: ['two-captions'],
    asks: ['twoSources'],
  },
  {
    what: 'two captions for one picture, copied at the same time',
    files: { 'a.png': picture, 'a.txt': 'from the file', 'metadata.csv': 'a.png,from the table\n' },
    modified: { 'a.txt': 1001, 'metadata.csv': 1000 },
    pictures: [['a.png', 'from the table', 1]],
    notes: ['two-captions'],
    asks: ['twoSources'],
  },
  {
    what: 'two captions for one picture, and the person said which',
    files: { 'a.png': picture, 'a.txt': 'from the file', 'metadata.csv': 'a.png,from the table\n' },
    modified: { 'a.txt': 1000, 'metadata.csv': 2000 },
    choices: { prefer: 'sidecars' },
    pictures: [['a.png', 'from the file', 1]],
    notes: ['two-captions'],
  },
  {
    what: 'two files that say the same, or one that says nothing',
    files: {
      'a.png': picture,
      'a.txt': 'one,  two',
      'b.png': picture,
      'b.txt': 'three',
      'metadata.csv': 'a.png,"one, two"\nb.png,""\n',
    },
    pictures: [
      ['a.png', 'one, two', 1],
      ['b.png', 'three', 1],
    ],
  },
  {
    what: 'metadata.jsonl of imagefolder',
    files: {
      'a.png': picture,
      'b.png': picture,
      'metadata.jsonl':
        '{"file_name": "a.png", "text": "one"}\n{"text": "zwei", "file_name": "b.png", "n": 3}\n',
    },
    pictures: [
      ['a.png', 'one', 1],
      ['b.png', 'zwei', 1],
    ],
  },
  {
    what: "kohya's meta_cap.json, with the paths of another machine",
    files: {
      'a.png': picture,
      'set/b.png': picture,
      'meta_cap.json': '{"D:\\\\train\\\\a.png": {"caption": "one"}, "/data/set/b": {"caption": "two"}}',
    },
    pictures: [
      ['a.png', 'one', 1],
      ['set/b.png', 'two', 1],
    ],
  },
  {
    what: "kohya's meta_lat.json, caption and tags",
    files: {
      'a.png': picture,
      'meta_lat.json':
        '{"a": {"caption": "a girl", "tags": "red hair, smile", "train_resolution": [512, 768]}}',
    },
    pictures: [['a.png', 'a girl, red hair, smile', 1]],
  },
  {
    what: 'a JSON and a TOML of settings are none of captions',
    files: { 'a.png': picture, 'run.json': '{"learning_rate": 0.1}', 'run.toml': 'network_dim = 8\n' },
    pictures: [['a.png', '', 1]],
  },
  {
    what: 'a metadata.csv that cannot be read',
    files: { 'a.png': picture, 'metadata.csv': 'a.png,"never closed\n' },
    pictures: [['a.png', '', 1]],
    notes: ['caption-file'],
    refused: 'bad-caption',
  },
  {
    what: 'a caption of several lines in a table',
    files: { 'a.png': picture, 'metadata.csv': 'a.png,"one,\ntwo"\n' },
    pictures: [['a.png', 'one, two', 1]],
  },
];

const tomls: readonly FolderCase[] = [
  {
    what: "dataset TOML as sd-scripts' documentation has it: paths of another machine, a data set of each style",
    files: {
      'dataset.toml': [
        "[general]\nshuffle_caption = true\ncaption_extension = '.txt'\nkeep_tokens = 1\n",
        '# This is a DreamBooth-style dataset\n[[datasets]]\nresolution = 512\nbatch_size = 4\nkeep_tokens = 2\n',
        "  [[datasets.subsets]]\n  image_dir = 'C:\\hoge'\n  class_tokens = 'hoge girl'\n",
        "  [[datasets.subsets]]\n  image_dir = 'C:\\fuga'\n  class_tokens = 'fuga boy'\n  keep_tokens = 3\n",
        "  [[datasets.subsets]]\n  is_reg = true\n  image_dir = 'C:\\reg'\n  class_tokens = 'human'\n",
        '# This is a fine-tuning dataset\n[[datasets]]\nresolution = [768, 768]\nbatch_size = 2\n',
        "  [[datasets.subsets]]\n  image_dir = 'C:\\piyo'\n  metadata_file = 'C:\\piyo\\piyo_md.json'\n",
      ].join('\n'),
      'hoge/a.png': picture,
      'hoge/a.txt': 'hoge girl, red',
      'hoge/b.png': picture,
      'fuga/c.png': picture,
      'reg/d.png': picture,
      'piyo/e.png': picture,
      'piyo/piyo_md.json': '{"C:\\\\piyo\\\\e.png": {"caption": "a cap", "tags": "one, two"}}',
    },
    pictures: [
      ['fuga/c.png', 'fuga boy', 1],
      ['hoge/a.png', 'hoge girl, red', 1],
      ['hoge/b.png', 'hoge girl', 1],
      ['piyo/e.png', 'a cap, one, two', 1],
    ],
    aside: { 'reg/d.png': 'regularisation' },
    notes: ['toml', 'aside'],
  },
  {
    what: 'dataset TOML whose path has bare backslashes: told, and folders count by their names',
    files: {
      'set.toml': '[[datasets]]\n[[datasets.subsets]]\nimage_dir = "D:\\train\\img\\5_zk"\nnum_repeats = 2\n',
      '5_zk/a.png': picture,
      '5_zk/a.txt': 'red',
    },
    pictures: [['5_zk/a.png', 'red', 5]],
    trigger: 'zk',
    notes: ['toml-broken', 'repeats'],
  },
  {
    what: 'dataset TOML: repeats, class words, regularisation, a folder it does not name',
    files: {
      'dataset.toml': [
        '[general]\nshuffle_caption = true\nnum_repeats = 2',
        '[[datasets]]\nresolution = 512',
        '[[datasets.subsets]]\nimage_dir = "zk"\nclass_tokens = "zk man"\nnum_repeats = 6',
        '[[datasets.subsets]]\nimage_dir = "./style"',
        '[[datasets.subsets]]\nimage_dir = "men"\nis_reg = true\nclass_tokens = "man"',
      ].join('\n'),
      'zk/a.png': picture,
      'style/b.png': picture,
      'style/b.txt': 'ink',
      'men/c.png': picture,
      'other/d.png': picture,
    },
    pictures: [
      ['style/b.png', 'ink', 2],
      ['zk/a.png', 'zk man', 6],
    ],
    aside: { 'men/c.png': 'regularisation', 'other/d.png': 'not-in-toml' },
    notes: ['toml', 'repeats', 'repeats', 'aside', 'aside'],
  },
  {
    what: 'dataset TOML with the paths of another machine',
    files: {
      'dataset.toml':
        "[[datasets]]\n[[datasets.subsets]]\nimage_dir = 'C:\\train\\img\\7_zk'\nnum_repeats = 3\ncaption_extension = '.caption'\n",
      'img/7_zk/a.png': picture,
      'img/7_zk/a.txt': 'from txt',
      'img/7_zk/a.caption': 'from caption',
    },
    pictures: [['img/7_zk/a.png', 'from caption', 3]],
    notes: ['toml', 'repeats', 'two-captions'],
    asks: ['twoSources'],
  },
  {
    what: 'dataset TOML of the chosen folder itself',
    files: {
      'dataset.toml': '[[datasets]]\n[[datasets.subsets]]\nimage_dir = "/home/me/kiko"\nnum_repeats = 4\n',
      'a.png': picture,
    },
    choices: { root: 'kiko' },
    pictures: [['a.png', '', 4]],
    notes: ['toml', 'repeats'],
  },
  {
    what: 'dataset TOML of other folders changes nothing',
    files: {
      'dataset.toml':
        '[[datasets]]\n[[datasets.subsets]]\nimage_dir = "/home/me/elsewhere"\nnum_repeats = 4\n',
      '2_x/a.png': picture,
    },
    pictures: [['2_x/a.png', 'x', 2]],
    notes: ['toml', 'repeats'],
    trigger: 'x',
  },
];

export const folderCases: readonly FolderCase[] = [...sidecars, ...folders, ...tables, ...tomls];
