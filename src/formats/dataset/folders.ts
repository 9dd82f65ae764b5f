/**
 * What folders mean: kohya's `10_cat photo`, regularisation sets and masks beside the pictures, and the folders that
 * kohya_ss makes for its own output. One rule for the page and the command line.
 * Source: sd-scripts, library/config_util.py (generate_dreambooth_subsets_config_by_subdirs).
 */
import { folderOf, nameOf, stemOf } from './kinds';

export interface KohyaFolder {
  /** Its own name, as `10_cat photo`. */
  folder: string;
  repeats: number;
  /** `cat photo`; '' for none. */
  words: string;
}

/** Why pictures are kept out of training; they are kept, and said. */
export type AsideReason =
  /** Of a folder for regularisation, which is not trained with yet. */
  | 'regularisation'
  /** A mask or a condition, not a picture to learn from. */
  | 'mask'
  /** In a folder into which a trainer writes. */
  | 'output'
  /** `0_name`: no repeats, which kohya leaves out. */
  | 'no-repeats'
  /** In a folder that the dataset TOML does not name. */
  | 'not-in-toml';

/** `10_kiko girl` means: each picture in it 10 times an epoch. Four digits are a year, not repeats. */
const KOHYA = /^0*([1-9]\d{0,2})_(.*)$/s;
/** What looks like repeats and is none here, though sd-scripts would repeat by it. */
const NUMBERED = /^\d+(_|$)/;
const NO_REPEATS = /^0+_/;
/** The archive a file came in is in its path, but is no folder of kohya's. */
const ARCHIVE = /\.zip$/i;

/** The innermost folder of kohya's kind that a file lies in. `root` is the folder that was chosen itself, if known. */
export function kohyaFolder(path: string, root = ''): KohyaFolder | undefined {
  for (const folder of foldersOf(path, root).reverse()) {
    const match = KOHYA.exec(folder);
    if (match && !ARCHIVE.test(folder)) {
      return { folder, repeats: Number(match[1]), words: (match[2] ?? '').trim() };
    }
  }
  return undefined;
}

/** The innermost folder that looks like repeats and is none: `2024_summer`, `3`. */
export function numberedFolder(path: string, root = ''): string | undefined {
  return foldersOf(path, root).findLast(
    (folder) =>
      NUMBERED.test(folder) && !KOHYA.test(folder) && !NO_REPEATS.test(folder) && !ARCHIVE.test(folder),
  );
}

const REGULARISATION =
  /^(regs?|(regs?|regulari[sz]ation|class)[ _-]?(images?|imgs?|pictures?|data|dirs?|sets?)|regulari[sz]ation|正则化?(图片?|集|数据)?)$/i;
const MASKS =
  /^((masks?|masklabels?|conditioning)([ _-]?(images?|imgs?|data|dirs?|sets?))?|蒙版|遮罩|掩码)$/i;
/** As OneTrainer names them: `a-masklabel.png` beside `a.png`. */
const MASK_FILE = /-(mask|cond)label$/i;
const OUTPUT = /^(logs?|models?)$/i;
const IMAGES = /^(img|imgs|image|images)$/i;

/**
 * Which pictures are no ordinary ones, by their folders. The folders that all pictures share were chosen by the person
 * and are not judged. `captioned` are the pictures with a caption of their own: masks have none.
 */
export function asideByFolder(
  pictures: readonly string[],
  captioned: (picture: string) => boolean,
): Map<string, AsideReason> {
  const shared = sharedFolders(pictures);
  const withImages = new Set<string>();
  const ordinaryMasks = new Set<string>();
  for (const picture of pictures) {
    const folders = foldersOf(picture, '');
    for (const [depth, folder] of folders.entries()) {
      if (IMAGES.test(folder)) withImages.add(folders.slice(0, depth).join('/'));
      if (MASKS.test(folder) && captioned(picture)) ordinaryMasks.add(folders.slice(0, depth + 1).join('/'));
    }
  }
  const aside = new Map<string, AsideReason>();
  for (const picture of pictures) {
    const reason = MASK_FILE.test(nameOf(stemOf(picture))) ? 'mask' : reasonOf(foldersOf(picture, ''));
    if (reason) aside.set(picture, reason);
  }
  // All of them masks: then they are what is to be learnt.
  return aside.size < pictures.length ? aside : new Map();

  function reasonOf(folders: readonly string[]): AsideReason | undefined {
    for (const [depth, folder] of folders.entries()) {
      if (depth < shared) continue;
      if (NO_REPEATS.test(folder)) return 'no-repeats';
      if (REGULARISATION.test(folder)) return 'regularisation';
      if (MASKS.test(folder) && !ordinaryMasks.has(folders.slice(0, depth + 1).join('/'))) return 'mask';
      if (OUTPUT.test(folder) && withImages.has(folders.slice(0, depth).join('/'))) return 'output';
    }
    return undefined;
  }
}

/** How many folders at the front all paths share. */
function sharedFolders(paths: readonly string[]): number {
  let shared = foldersOf(paths[0] ?? '', '');
  for (const path of paths) {
    const folders = foldersOf(path, '');
    let same = 0;
    while (same < shared.length && shared[same] === folders[same]) same++;
    shared = shared.slice(0, same);
  }
  return shared.length;
}

/** Outermost first. */
export function foldersOf(path: string, root: string): string[] {
  return [...root.split('/'), ...folderOf(path).split('/')].filter((folder) => folder !== '');
}
