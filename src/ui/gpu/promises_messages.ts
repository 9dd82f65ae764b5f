/** The studio's promises in words, and whose word the browser goes by. */
import type { Localized } from '../../formats/config/language';
import type { Keeper, Promised } from './promises';

export interface PromisesMessages {
  readonly title: string;
  readonly asking: string;
  readonly promises: Readonly<Record<Promised, string>>;
  readonly keepers: Readonly<Record<Keeper, string>>;
  readonly byWorker: string;
  readonly shared: (origin: string) => string;
}

export const messages: Localized<PromisesMessages> = {
  en: {
    title: 'What the browser enforces here, and who tells it to',
    asking: 'asking this host…',
    promises: {
      page: 'The page connects to this address only',
      workers: 'So do its workers, but for a download you ask for',
      leaving: 'The tab goes to no other address (Chrome 152 and newer)',
      frames: 'No other page shows the studio inside it',
      devices: 'No camera, no microphone, no place',
      isolated: 'Isolated: more threads for captions',
    },
    keepers: {
      host: 'this host',
      worker: 'the studio’s service worker',
      nobody: 'nobody: this host sends no header for it',
    },
    byWorker:
      'This host sends no headers of its own for these. The studio’s service worker, stored in this browser, adds them to whatever is loaded, and without it the studio does not open. Its own script is bound by no rule: the host would have to send one.',
    shared: (origin) =>
      `The studio lies in a folder of ${origin}. What the browser keeps, it keeps for the whole of that address: other pages there could read it.`,
  },
  zh: {
    title: '浏览器在这里强制执行什么，由谁规定',
    asking: '正在询问此站点…',
    promises: {
      page: '网页只连接此地址',
      workers: '后台线程也是，你要求的下载除外',
      leaving: '此标签页不会转到别的地址（Chrome 152 及更新版本）',
      frames: '别的网页不能把工作室嵌在里面',
      devices: '不用摄像头、麦克风和位置',
      isolated: '隔离：标注可用更多线程',
    },
    keepers: {
      host: '此站点',
      worker: '工作室的 Service Worker',
      nobody: '没有：此站点没有为它发送响应头',
    },
    byWorker:
      '此站点没有为这些发送响应头。存在此浏览器里的工作室 Service Worker 会给加载的一切补上；没有它，工作室不会打开。它自己的脚本不受任何规则约束：那要由站点发送。',
    shared: (origin) =>
      `工作室位于 ${origin} 的一个文件夹中。浏览器按整个地址保存内容：该地址的其他网页也能读取。`,
  },
};
