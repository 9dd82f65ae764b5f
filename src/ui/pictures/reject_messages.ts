/** Why files were not added, in few words, with what to do where something can be done. */
import { figure, plural, type Localized } from '../../formats/config/language';
import { refusalWords } from '../../formats/dataset/refusal_words';
import type { RejectReason } from './import/outcome';

const en = {
  notAdded: (n: number) => `${plural(n, 'file was', 'files were')} not added:`,
  comma: ', ',
  stop: '.',
  line: (n: number) => `line ${n}`,
  already: (n: number) => `${plural(n, 'picture was', 'pictures were')} here already.`,
  stopped: (n: number) => `Adding was cancelled; ${figure(n, 'en')} stay.`,
  broken: (n: number) => `Adding ended after ${figure(n, 'en')} pictures.`,
  reasons: {
    ...refusalWords.en,
    'caption-file': 'caption file that cannot be read',
    'caption-alone': 'caption without a picture',
    zip: 'zip that cannot be opened',
    'zip-in-zip': 'zip within a zip (unpack it)',
  } satisfies Record<RejectReason, string>,
};

const zh: typeof en = {
  notAdded: (n) => `${figure(n, 'zh')} 个文件未添加：`,
  comma: '、',
  stop: '。',
  line: (n) => `第 ${n} 行`,
  already: (n) => `${figure(n, 'zh')} 张图片已在项目中。`,
  stopped: (n) => `已取消添加，保留 ${figure(n, 'zh')} 张。`,
  broken: (n) => `添加 ${figure(n, 'zh')} 张后中断。`,
  reasons: {
    ...refusalWords.zh,
    'caption-file': '标注文件无法读取',
    'caption-alone': '标注没有对应图片',
    zip: 'zip 无法打开',
    'zip-in-zip': 'zip 中的 zip（请先解压）',
  },
};

export const rejectMessages: Localized<typeof en> = { en, zh };
