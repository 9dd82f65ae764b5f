/** Words that the shared controls bring themselves. */
import type { Localized } from '../../formats/config/language';
const en = {
  close: 'Close',
  cancel: 'Cancel',
  address: 'Address of the file',
  download: 'Download',
  goOn: 'Go on',
  downloading: (name: string) => `Downloading ${name}`,
  arrived: (done: string, total?: string) => (total ? `${done} of ${total}` : done),
  left: (figure: string, time: string) => `${figure}, ${time} left`,
  partHere: (done: string, total?: string) =>
    total ? `${done} of ${total} are here already.` : `${done} are here already.`,
  stopped: 'The download stopped.',
  notStarted: 'The downloader could not be started. Reload the page and try again.',
};
const zh: typeof en = {
  close: '关闭',
  cancel: '取消',
  address: '文件地址',
  download: '下载',
  goOn: '继续下载',
  downloading: (name) => `正在下载 ${name}`,
  arrived: (done, total) => (total ? `${done} / ${total}` : done),
  left: (figure, time) => `${figure}，还需 ${time}`,
  partHere: (done, total) => (total ? `已有 ${done} / ${total}。` : `已有 ${done}。`),
  stopped: '下载已停止。',
  notStarted: '下载程序未能启动。请刷新页面后重试。',
};

export const messages: Localized<typeof en> = { en, zh };
