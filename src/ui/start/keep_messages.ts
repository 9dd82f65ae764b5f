/** Words of the offer to copy the base model into the browser. */
import type { Localized } from '../../formats/config/language';

const en = {
  keep: (size: string) => `Keep a copy in this browser (${size})`,
  why: 'A copy is read without asking, also after a reload, and takes that much room on this disk.',
  onlyNow: 'This browser cannot remember where the file lies: after a reload, choose it again.',
};

const zh: typeof en = {
  keep: (size) => `在浏览器中保存副本（${size}）`,
  why: '有了副本，读取时（包括刷新之后）不再询问，但会占用同样大小的磁盘空间。',
  onlyNow: '此浏览器无法记住文件的位置：刷新页面后请重新选择。',
};

export const keepMessages: Localized<typeof en> = { en, zh };
