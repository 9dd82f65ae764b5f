/** What an import asks: the encoding of captions and names, and which of two captions counts. */
import { figure, languageTags, plural, type Localized } from '../../formats/config/language';
import type { Encoding } from '../../formats/dataset/text';
import type { Prefer } from '../../formats/dataset/two_sources';

const en = {
  encodingTitle: 'Which reads right?',
  encodingText: (captions: number, names: number) => {
    const what = [
      ...(captions > 0 ? [plural(captions, 'caption file')] : []),
      ...(names > 0 ? [`${plural(names, 'file name')} in the zip`] : []),
    ];
    const one = captions + names === 1;
    return `${what.join(' and ')} ${one ? 'is' : 'are'} not in UTF-8, and nothing in ${one ? 'it' : 'them'} says which encoding it is. Choose the one in which the words make sense.`;
  },
  encodings: {
    gbk: 'GBK (simplified Chinese)',
    big5: 'Big5 (traditional Chinese)',
    'shift-jis': 'Shift-JIS (Japanese)',
    'euc-kr': 'EUC-KR (Korean)',
    'windows-1252': 'Windows-1252 (Western European)',
    'utf-8': 'UTF-8',
  } satisfies Record<Encoding, string>,
  noEncoding:
    'No encoding known here fits all of them. Save the captions as UTF-8, or add the pictures without them.',
  useEncoding: 'Use this one',
  leaveOut: 'Add without these captions',
  goOn: 'Go on',
  endAdding: 'Add nothing',

  sourcesTitle: 'Two captions for one picture',
  sourcesText: (n: number) =>
    `${plural(n, 'picture has', 'pictures have')} two captions that differ. Which shall count?`,
  prefer: {
    newer: 'The newer file; where none is newer, the table',
    tables: 'The table (metadata.csv and the like)',
    sidecars: 'The file beside the picture (.txt)',
  } satisfies Record<Prefer, string>,
  counts: 'counts',
  changedAt: (ms: number) =>
    new Date(ms).toLocaleString(languageTags['en'], { dateStyle: 'medium', timeStyle: 'short' }),
  morePictures: (n: number) => `and ${plural(n, 'picture')} more`,

  useTrigger: 'Use it as trigger word',
};

const zh: typeof en = {
  encodingTitle: '哪一种显示正确？',
  encodingText: (captions, names) => {
    const what = [
      ...(captions > 0 ? [`${figure(captions, 'zh')} 个标注文件`] : []),
      ...(names > 0 ? [`zip 中的 ${figure(names, 'zh')} 个文件名`] : []),
    ];
    return `${what.join('和')}不是 UTF-8，也没有说明编码。请选择文字通顺的一种。`;
  },
  encodings: {
    gbk: 'GBK（简体中文）',
    big5: 'Big5（繁体中文）',
    'shift-jis': 'Shift-JIS（日文）',
    'euc-kr': 'EUC-KR（韩文）',
    'windows-1252': 'Windows-1252（西欧）',
    'utf-8': 'UTF-8',
  },
  noEncoding: '已知的编码都不适合。请将标注另存为 UTF-8，或不带标注添加图片。',
  useEncoding: '使用这种编码',
  leaveOut: '不带这些标注添加',
  goOn: '继续',
  endAdding: '全部不添加',

  sourcesTitle: '一张图片有两条标注',
  sourcesText: (n) => `${figure(n, 'zh')} 张图片有两条不同的标注。以哪一条为准？`,
  prefer: {
    newer: '较新的文件；无法判断新旧时采用表格',
    tables: '表格（metadata.csv 等）',
    sidecars: '图片旁的文件（.txt）',
  },
  counts: '采用',
  changedAt: (ms) =>
    new Date(ms).toLocaleString(languageTags['zh'], { dateStyle: 'medium', timeStyle: 'short' }),
  morePictures: (n) => `另有 ${figure(n, 'zh')} 张图片`,

  useTrigger: '用作触发词',
};

export const questionMessages: Localized<typeof en> = { en, zh };
