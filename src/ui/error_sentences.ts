/**
 * In Simplified Chinese, what the errors of other rooms say in English by themselves: by the error's name, then its
 * code, from its facts.
 */
import type { DownloadCode, DownloadFacts } from '../storage/download_error';

const DownloadError: { [Code in DownloadCode]: (facts: DownloadFacts[Code]) => string } = {
  'not-an-address': ({ address }) => `“${address}”不是文件地址。地址应以 https:// 开头，最长 2000 个字符。`,
  'has-password': ({ host }) =>
    `${host} 的地址中含有用户名和密码，这些不会被发送。请自行下载该文件，再在这里选择。`,
  'not-https': ({ host }) => `只通过 https 访问 ${host}，以免文件在途中被改动。请让地址以 https:// 开头。`,
  offline: ({ host }) => `没有网络，因此未向 ${host} 请求。请联网后重试。`,
  unreachable: ({ host }) =>
    `${host} 没有应答，或不允许其他网页读取它的文件。请检查地址，或自行下载该文件，再在这里选择。`,
  forbidden: ({ host, status }) =>
    `${host} 只把此文件给已登录的人（状态 ${status}）。请自行下载，再在这里选择。`,
  missing: ({ host, status }) => `${host} 没有这个文件（状态 ${status}）。请检查地址。`,
  status: ({ host, status }) => `${host} 没有给出文件（状态 ${status}）。请稍后重试，或换一个来源。`,
  html: ({ host }) =>
    `${host} 给出的是网页，而不是文件。请使用下载按钮的地址；在 Hugging Face，该地址含有 /resolve/，而网页地址含有 /blob/。`,
  interrupted: ({ host }) => `与 ${host} 的连接中断。已收到的部分保留着：网络恢复后可继续下载。`,
  checksum: ({ expected, got }) =>
    `文件与预期不符：其 SHA-256 开头是 ${got.slice(0, 10)}，而不是 ${expected.slice(0, 10)}。文件已删除，请重新下载。`,
  busy: ({ name }) => `另一个标签页正在下载 ${name}。请等它完成，或关闭它。`,
};

const StorageFullError: { 'no-room': (facts: { what: string }) => string } = {
  'no-room': ({ what }) =>
    `此浏览器没有空间保存 ${what}。请在“存储”中删除项目或旧检查点，或清理磁盘空间，然后重试。`,
};

export const sentencesZh = { DownloadError, StorageFullError };
