/** Why files were not added, in few words, with what to do where something can be done. */
import { refusalWords } from '../../formats/dataset/refusal_words';
import type { RejectReason } from './import/outcome';

const en = {
  notAdded: (n: number) =>
    n === 1 ? '1 file was not added:' : `${n.toLocaleString('en')} files were not added:`,
  comma: ', ',
  stop: '.',
  line: (n: number) => `line ${n}`,
  already: (n: number) =>
    n === 1 ? '1 picture was here already.' : `${n.toLocaleString('en')} pictures were here already.`,
  stopped: (n: number) => `Adding was cancelled; ${n.toLocaleString('en')} stay.`,
  broken: (n: number) => `Adding ended after ${n.toLocaleString('en')} pictures.`,
  reasons: {
    ...refusalWords.en,
    'caption-file': 'caption file that cannot be read',
    'caption-alone': 'caption without a picture',
    zip: 'zip that cannot be opened',
    'zip-in-zip': 'zip within a zip (unpack it)',
  } satisfies Record<RejectReason, string>,
};

const zh: typeof en = {
  notAdded: (n) => `${n.toLocaleString('zh')} 个文件未添加：`,
  comma: '、',
  stop: '。',
  line: (n) => `第 ${n} 行`,
  already: (n) => `${n.toLocaleString('zh')} 张图片已在项目中。`,
  stopped: (n) => `已取消添加，保留 ${n.toLocaleString('zh')} 张。`,
  broken: (n) => `添加 ${n.toLocaleString('zh')} 张后中断。`,
  reasons: {
    ...refusalWords.zh,
    'caption-file': '标注文件无法读取',
    'caption-alone': '标注没有对应图片',
    zip: 'zip 无法打开',
    'zip-in-zip': 'zip 中的 zip（请先解压）',
  },
};

export const rejectMessages = { en, zh };
