/** What is said in place of the studio while it may not open yet, or may not open at all. */
import type { Localized } from '../../formats/config/language';

export interface GuardedMessages {
  readonly title: string;
  readonly text: string;
}

export type Why = 'preparing' | 'framed' | 'unguarded';

export const messages: Localized<Readonly<Record<Why, GuardedMessages>> & { again: string; alone: string }> =
  {
    en: {
      preparing: {
        title: 'Getting ready, once',
        text: 'This host sends no rules for the browser. The studio stores itself here, with rules of its own by which nothing leaves this browser, and then reloads once.',
      },
      framed: {
        title: 'Open the studio in a tab of its own',
        text: 'It is shown inside another page here, which could lay something over it.',
      },
      unguarded: {
        title: 'The studio does not open here',
        text: 'Neither this host nor this browser enforces that nothing leaves it: the host sends no rules, and the browser has no service worker that could add them (private windows of Firefox have none; nor has a page without https). No picture is taken. Open it in an ordinary window, or serve it yourself: npx lora-studio.',
      },
      again: 'Try again',
      alone: 'Open in a new tab',
    },
    zh: {
      preparing: {
        title: '正在准备，仅此一次',
        text: '此站点没有向浏览器发送规则。工作室会把自己存到这里，并附上自己的规则，使任何内容都不会离开此浏览器，然后重新加载一次。',
      },
      framed: {
        title: '请在单独的标签页中打开工作室',
        text: '它现在显示在另一个网页里，那个网页可能会在上面覆盖别的内容。',
      },
      unguarded: {
        title: '工作室无法在这里打开',
        text: '站点和浏览器都不能保证没有内容离开：站点没有发送规则，浏览器也没有可以补上规则的 Service Worker（Firefox 的隐私窗口没有；不用 https 的网页也没有）。不会接收任何图片。请在普通窗口中打开，或自己提供服务：npx lora-studio。',
      },
      again: '重试',
      alone: '在新标签页中打开',
    },
  };
