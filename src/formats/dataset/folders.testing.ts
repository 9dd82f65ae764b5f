/**
 * Folders as people bring them, and by hand what each of them means: pictures with caption and repeats, what is set
 * aside, notes and questions. One table for the pure module, the command line and a browser.
 */
import type { DatasetChoices } from './dataset';
import type { AsideReason } from './folders';
import type { DatasetNote } from './notes';

/** A picture in a folder of the table; whoever writes the folder to disk makes a real one. */
export const picture = Symbol('picture');

export interface FolderCase {
  what: string;
  files: Readonly<Record<string, string | Uint8Array | typeof picture>>;
  /** Seconds, by path; files that are not named have no time here, and the same time on a disk. */
  modified?: Readonly<Record<string, number>>;
  choices?: DatasetChoices;
  /** Path, caption, repeats; in order. */
  pictures: readonly (readonly [string, string, number])[];
  aside?: Readonly<Record<string, AsideReason>>;
  /** In the order they are said; without the offer of a trigger and without "no caption". */
  notes?: readonly DatasetNote['kind'][];
  asks?: readonly ('encoding' | 'twoSources')[];
  trigger?: string;
}

/** Text as Chinese Windows saves it. */
const gbkInk = Uint8Array.of(0xcb, 0xae, 0xc4, 0xab, 0x2c, 0x20, 0xc9, 0xbd, 0xcb, 0xae);

export const folderCases: readonly FolderCase[] = [
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
    what: 'GBK: not read before the person says so',
    files: { 'a.png': picture, 'a.txt': gbkInk },
    pictures: [['a.png', '', 1]],
    asks: ['encoding'],
  },
];
