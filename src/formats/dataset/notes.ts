/**
 * What a person is told about a data set that was read: one table of sentences in both languages for the page, train and
 * label. Facts come typed; nothing here decides anything.
 */
import { plural, type Language, type Localized } from '../config/language';
import type { Refusal } from '../../protocol/pictures';
import type { CaptionErrorCode } from './caption_file';
import type { AsideReason } from './folders';
import { nameOf } from './kinds';
import { refusalWords } from './refusal_words';
import type { Encoding } from './text';
import type { TriggerOffer } from './trigger';

export interface CaptionSaid {
  /** The file it stands in. */
  path: string;
  text: string;
  /** Milliseconds since 1970. */
  modified?: number;
}

/** Two files have a caption for one picture, and they differ. */
export interface TwoSources {
  picture: string;
  /** The one that is taken first. */
  sources: CaptionSaid[];
  /** Why the first is taken: its file is the newer one, the person said so, or none is newer and tables go first. */
  because: 'newer' | 'chosen' | 'order';
}

export type DatasetNote =
  | { kind: 'repeats'; folder: string; repeats: number; pictures: number }
  /** A folder that begins with a number and is taken once all the same. */
  | { kind: 'no-repeats-number'; folders: string[] }
  | { kind: 'class-words'; words: string; pictures: string[] }
  | { kind: 'no-caption'; pictures: string[] }
  | { kind: 'joined-lines'; files: string[] }
  | { kind: 'two-captions'; of: TwoSources[] }
  | { kind: 'encoding'; encoding: Encoding; files: string[] }
  /** A file of captions that is not used, or not whole. `sentence` is English, with what to do. */
  | {
      kind: 'caption-file';
      path: string;
      code: CaptionErrorCode | 'unreadable';
      line?: number;
      sentence: string;
    }
  /** Rows of a table whose pictures are not there. */
  | { kind: 'rows-alone'; path: string; files: string[] }
  | { kind: 'captions-alone'; files: string[] }
  | { kind: 'aside'; why: AsideReason; folders: string[]; pictures: string[] }
  | { kind: 'toml'; path: string; subsets: number; ignored: string[]; missing: string[] }
  /** A data set file that cannot be read, from this line on; folders are then taken by their names. */
  | { kind: 'toml-broken'; path: string; line: number }
  | { kind: 'zip'; files: string[] }
  /** Links to files that are in the set anyway. */
  | { kind: 'linked-twice'; files: string[] }
  /** Files that are equal to the last byte; `of` is the one that is used. */
  | { kind: 'copies'; pairs: { copy: string; of: string }[] }
  /** Pictures that are none to train on. */
  | { kind: 'left-out'; reason: Refusal; pictures: string[] }
  /** More than a tenth of each lies outside of its bucket. */
  | { kind: 'cropped'; pictures: string[] }
  /** Smaller than they are trained at. */
  | { kind: 'enlarged'; pictures: string[] }
  | { kind: 'trigger'; offer: TriggerOffer };

/** One or two sentences, with what to do where something can be done. */
export function noteWords(note: DatasetNote): Localized {
  switch (note.kind) {
    case 'repeats':
      return t(
        `Folder ${note.folder}: ${note.repeats} repeats each, ${plural(note.pictures, 'picture')}.`,
        `文件夹 ${note.folder}：每张重复 ${note.repeats} 次，共 ${note.pictures} 张。`,
      );
    case 'no-repeats-number':
      return t(
        `The number at the front of ${list(note.folders)} is not taken as repeats. Name the folder like 10_name (at most three digits) to repeat its pictures.`,
        `${list(note.folders, '、')} 开头的数字未作为重复次数。如需重复，请将文件夹命名为 10_名称（数字最多三位）。`,
      );
    case 'class-words':
      return t(
        `${plural(note.pictures.length, 'picture has', 'pictures have')} no caption and ${note.pictures.length === 1 ? 'is' : 'are'} captioned “${note.words}”, after the folder: ${list(note.pictures)}.`,
        `${note.pictures.length} 张图片没有标注，按文件夹名标为“${note.words}”：${list(note.pictures, '、')}。`,
      );
    case 'no-caption':
      return t(
        `${plural(note.pictures.length, 'image has', 'images have')} no caption: ${list(note.pictures)}.`,
        `${note.pictures.length} 张图片没有标注：${list(note.pictures, '、')}。`,
      );
    case 'joined-lines':
      return t(
        `${plural(note.files.length, 'caption has', 'captions have')} several lines, which are joined by commas: ${list(note.files)}. sd-scripts reads only the first line.`,
        `${note.files.length} 个标注有多行，已用逗号连接：${list(note.files, '、')}。sd-scripts 只读取第一行。`,
      );
    case 'two-captions':
      return twoCaptions(note.of);
    case 'encoding':
      return t(
        `${plural(note.files.length, 'caption file is', 'caption files are')} read as ${note.encoding}: ${list(note.files)}.`,
        `${note.files.length} 个标注文件按 ${note.encoding} 编码读取：${list(note.files, '、')}。`,
      );
    case 'caption-file':
      return t(
        `The captions in ${note.path} are not used. ${note.sentence}`,
        `未使用 ${note.path} 中的标注：${brokenZh[note.code]}${note.line === undefined ? '' : `（第 ${note.line} 行）`}。`,
      );
    case 'rows-alone':
      return t(
        `${note.path} has ${plural(note.files.length, 'caption')} for pictures that are not there: ${list(note.files)}.`,
        `${note.path} 中有 ${note.files.length} 条标注找不到图片：${list(note.files, '、')}。`,
      );
    case 'captions-alone':
      return t(
        `${plural(note.files.length, 'caption file has', 'caption files have')} no picture: ${list(note.files)}.`,
        `${note.files.length} 个标注文件没有对应图片：${list(note.files, '、')}。`,
      );
    case 'aside':
      return t(
        `${plural(note.pictures.length, 'picture is', 'pictures are')} set aside (${asideWords[note.why].en}): ${list(note.folders)}.`,
        `${note.pictures.length} 张图片已排除（${asideWords[note.why].zh}）：${list(note.folders, '、')}。`,
      );
    case 'toml':
      return t(
        `${note.path} names the folders: ${plural(note.subsets, 'subset')}.` +
          (note.missing.length > 0 ? ` Not found here: ${list(note.missing)}.` : '') +
          (note.ignored.length > 0 ? ` Not read from it: ${list(note.ignored)}.` : ''),
        `文件夹按 ${note.path} 读取，共 ${note.subsets} 个子集。` +
          (note.missing.length > 0 ? `此处找不到：${list(note.missing, '、')}。` : '') +
          (note.ignored.length > 0 ? `未读取的参数：${list(note.ignored, '、')}。` : ''),
      );
    case 'toml-broken':
      return t(
        `${note.path} cannot be read (line ${note.line}), so folders count by their names, without its subsets and repeats. A path with backslashes goes between single quotes there.`,
        `${note.path} 无法读取（第 ${note.line} 行），因此按文件夹名称处理，其中的子集和重复次数不起作用。含反斜杠的路径请放在单引号中。`,
      );
    case 'linked-twice':
      return t(
        `${plural(note.files.length, 'link leads', 'links lead')} to what is taken already, and ${note.files.length === 1 ? 'is' : 'are'} not taken again: ${list(note.files)}.`,
        `${note.files.length} 个链接指向已读取的文件，不再重复读取：${list(note.files, '、')}。`,
      );
    case 'copies': {
      const { length } = note.pairs;
      const said = (comma: string) =>
        list(
          note.pairs.map(({ copy, of }) => `${copy} (= ${of})`),
          comma,
        );
      return t(
        `${plural(length, 'picture is a copy', 'pictures are copies')} of another, and ${length === 1 ? 'is' : 'are'} left out: ${said(', ')}.`,
        `${length} 张图片与其他图片完全相同，未采用：${said('、')}。`,
      );
    }
    case 'left-out':
      return t(
        `${plural(note.pictures.length, 'picture is', 'pictures are')} left out, ${refusalWords.en[note.reason]}: ${list(note.pictures)}.`,
        `${note.pictures.length} 张图片未采用，${refusalWords.zh[note.reason]}：${list(note.pictures, '、')}。`,
      );
    case 'zip':
      return t(
        `${plural(note.files.length, 'zip is', 'zips are')} not opened: ${list(note.files)}. Unpack ${note.files.length === 1 ? 'it' : 'them'} first.`,
        `${note.files.length} 个 zip 未打开：${list(note.files, '、')}。请先解压。`,
      );
    case 'cropped':
      return t(
        `${plural(note.pictures.length, 'picture loses', 'pictures lose')} more than 10 % in the crop: ${list(note.pictures)}.`,
        `${note.pictures.length} 张图片裁剪时损失超过 10 %：${list(note.pictures, '、')}。`,
      );
    case 'enlarged':
      return t(
        `${plural(note.pictures.length, 'picture is', 'pictures are')} smaller than the training size and will be enlarged, which blurs: ${list(note.pictures)}.`,
        `${note.pictures.length} 张图片小于训练尺寸，放大后会变模糊：${list(note.pictures, '、')}。`,
      );
    case 'trigger':
      return note.offer.from === 'captions'
        ? t(
            `All captions begin with “${note.offer.words}”: it can serve as the trigger word.`,
            `所有标注都以“${note.offer.words}”开头，可作为触发词。`,
          )
        : t(
            `The folder is named for “${note.offer.words}”: it can serve as the trigger word.`,
            `文件夹名中有“${note.offer.words}”，可作为触发词。`,
          );
  }
}

export const asideWords: Readonly<Record<AsideReason, Localized>> = {
  regularisation: t(
    'regularisation pictures, which are not trained with here yet',
    '正则化图片，这里暂不用于训练',
  ),
  mask: t('masks', '蒙版'),
  output: t('a trainer’s own output', '训练器自己的输出'),
  'no-repeats': t('0 repeats', '重复次数为 0'),
  'not-in-toml': t('in no subset of the dataset file', '不在数据集文件的任何子集中'),
};

const brokenZh: Readonly<Record<CaptionErrorCode | 'unreadable', string>> = {
  encoding: '不是所选编码的文本',
  'too-large': '太大，不是标注文件',
  'too-many': '行数或列数过多',
  'stray-quote': '有多余的引号',
  'unclosed-quote': '引号没有结束',
  'too-few-fields': '缺少文件名或标注',
  'too-many-fields': '列数过多；含逗号的标注需加引号',
  'empty-name': '缺少文件名',
  'duplicate-name': '同一文件名出现两次且标注不同',
  'control-character': '含有 NUL 字符，不是纯文本',
  json: '不是 JSON',
  unreadable: '文件无法读取',
};

const sourceWords: Localized<{ says: string; taken: string; then: string }> = {
  en: { says: 'says ', taken: ', taken', then: '; ' },
  zh: { says: '为', taken: '，已采用', then: '；' },
};

function twoCaptions(of: readonly TwoSources[]): Localized {
  const [{ picture, sources, because }] = of;
  const said = (language: Language) =>
    sources
      .slice(0, 3)
      .map(({ path, text }, i) => {
        const { says, taken } = sourceWords[language];
        return `${nameOf(path)} ${says}“${short(text)}”${i === 0 ? taken : ''}`;
      })
      .join(sourceWords[language].then);
  const why = {
    newer: t('the newer file is taken', '采用较新的文件'),
    chosen: t('taken as chosen', '按选择采用'),
    order: t('none is newer, so the table is taken', '无法判断新旧，采用表格'),
  }[because];
  return t(
    `${plural(of.length, 'picture has', 'pictures have')} two captions that differ, as ${picture}: ${said('en')} (${why.en}).`,
    `${of.length} 张图片有两条不同的标注，例如 ${picture}：${said('zh')}（${why.zh}）。`,
  );
}

function short(text: string): string {
  const letters = Array.from(text);
  return letters.length > 60 ? `${letters.slice(0, 59).join('')}…` : text;
}

/** The first five, and how many more. */
function list(names: readonly string[], comma = ', '): string {
  const rest = names.length - 5;
  // A name may hold anything; what a terminal takes for a command is not shown to it.
  const plain = names.slice(0, 5).map((name) => name.replace(/\p{Cc}/gu, '\ufffd'));
  const more = comma === '、' ? ` 等 ${names.length} 个` : ` and ${rest} more`;
  return plain.join(comma) + (rest > 0 ? more : '');
}

function t(en: string, zh: string): Localized {
  return { en, zh };
}
