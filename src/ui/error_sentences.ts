/**
 * In Simplified Chinese, what errors of storage and of the page say in English by themselves: by name, code and facts.
 * Those of files and of the trainer are in engine_sentences.ts.
 */
import type { DownloadFacts } from '../storage/download_error';
import type { ProjectFileErrorCode } from '../formats/zip/project_file';
import { sizeText, type NoRoom, type StorageFacts } from '../storage/error';
import { engineSentences, type Sentences } from './engine_sentences';
import type { PageFacts } from './page_error';
import type { BaseModelUnreadable as Unreadable } from './base_unreadable';

const DownloadError: Sentences<DownloadFacts> = {
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
  'too-large': ({ host, bytes }) =>
    `${host} 给出的文件超过 ${sizeText(bytes)}，不是所要的文件，未保留任何内容。请检查地址。`,
  busy: ({ name }) => `另一个标签页正在下载 ${name}。请等它完成，或关闭它。`,
};

/** What storage calls the things it writes, where it is no file of the person's. */
const things: Readonly<Record<string, string>> = {
  'the project': '项目',
  'the removal': '删除操作',
  'the run': '训练记录',
  'the new version of its records': '新版本的记录',
  'the list of pictures': '图片列表',
  'the loss curve': '损失曲线',
  'the log': '日志',
  'this checkpoint': '此检查点',
  'this sample': '此样图',
  'the changes to your pictures': '对图片的修改',
  'these pictures': '这些图片',
  'this picture': '这张图片',
  embeddings: '特征向量',
  'the captioning model': '打标模型',
  'the note of a download': '下载记录',
  'the end of a download': '下载记录',
  'its files': '文件',
};
const thing = (what: string) => things[what] ?? what;

const StorageFullError: Sentences<{ 'no-room': NoRoom }> = {
  'no-room': ({ what, needed, used }) =>
    `此浏览器没有空间保存${thing(what)}${needed === undefined ? '' : `（${sizeText(needed)}）`}。` +
    (used === undefined ? '' : `本工具在此已占用 ${sizeText(used)}。`) +
    '请在“存储”中删除项目或旧检查点，或清理磁盘空间，然后重试。',
};

const StorageError: Sentences<StorageFacts> = {
  'not-kept': ({ what, reason }) =>
    `此浏览器没有保存${thing(what)}（${reason}）。请重试；如果仍然不行，请重启浏览器。`,
  'not-kept-private': ({ what, reason }) =>
    `此浏览器没有保存${thing(what)}（${reason}）。这好像是无痕窗口：请在普通窗口中打开本工具。`,
  unreadable: ({ file, reason }) =>
    `${file} 没能读到末尾（${reason}）。文件在此期间被改动、移走或断开：请重新选择。`,
  gone: ({ file }) => `保存的文件 ${file} 不见了：浏览器或有人清除了数据。请重新选择文件。`,
  'no-folder': () =>
    '此浏览器不允许本工具保存文件，例如在无痕窗口中，或网站数据被阻止时。请在普通窗口中打开，并允许保存数据。',
  newer: () => '此浏览器中打开过更新版本的本工具，保存格式已经改变。请关闭它的所有标签页，再重新打开。',
  'disk-full': ({ file, bytes }) =>
    `所选位置没有空间保存 ${file}（${sizeText(bytes)}）。请清理那里的空间，或保存到别处。`,
  'not-saved': ({ file, reason }) => `${file} 没有保存：浏览器无法写入所选位置（${reason}）。请保存到别处。`,
};

const BaseModelUnreadable: Sentences<Record<Unreadable['reason'], { model: string }>> = {
  permission: ({ model }) => `浏览器在读取 ${model} 前会再次询问。请在开始页面的“底模”处允许。`,
  moved: ({ model }) => `${model} 已不在原处。请在开始页面的“底模”处重新选择。`,
  offline: () => '演示底模还不在这台电脑上。请联网一次后重试。',
  missing: ({ model }) => `服务器上没有演示底模（${model}）。请选择你自己的底模。`,
  cleared: ({ model }) => `${model} 已不在此浏览器中：其数据已被清除。请重新选择文件。`,
  visit: ({ model }) => `此浏览器不会记住 ${model} 的位置。请在开始页面的“底模”处重新选择。`,
};

const PictureGoneError: Sentences<{ gone: { picture: string } }> = {
  gone: ({ picture }) => `${picture} 已不在这里，因此这次训练无法继续。`,
};

const OtherVersionError: Sentences<{ unknown: { settings: string } }> = {
  unknown: ({ settings }) =>
    `这次训练由另一版本的工作室开始，其中有此版本不认识或不允许的参数（${settings}）。请刷新页面以获取当前版本；已保存的内容在“结果”中。`,
};

const PageError: Sentences<PageFacts> = {
  'no-word-list': () => '无法读取 CLIP 的词表。请联网一次后重试。',
  'no-trainer': () => '无法启动训练程序。请刷新页面。',
  'no-picture-reader': () => '无法启动图片读取程序。请刷新页面后重新添加。',
  'no-canvas': () => '此浏览器没有提供保存图片所需的画布。',
  'no-demo-set': ({ set }) => `没有名为“${set}”的示例训练集。请刷新页面以获取当前版本。`,
  'no-demo-file': ({ file, status }) =>
    `未能获取演示文件 ${file}（${status < 0 ? '此服务器上没有' : status || '没有网络'}）。请联网后重试。`,
};

const PictureMissingError: Sentences<{ gone: { picture: string } }> = {
  gone: ({ picture }) => `浏览器中已没有 ${picture} 的文件。请移除这张图片，再重新添加。`,
};

const ProjectFileError: Sentences<Record<ProjectFileErrorCode, unknown>> = {
  'not-a-project': () => '此 zip 不是工作室的项目文件。要添加其中的图片，请在“图片”中选择它。',
  newer: () => '此项目由更新版本的工作室保存。请刷新页面以获取新版本，然后重新打开文件。',
  damaged: () => '项目文件已损坏。请重新保存项目，再打开新的文件。',
};

export const sentencesZh = {
  ...engineSentences,
  DownloadError,
  StorageFullError,
  StorageError,
  BaseModelUnreadable,
  PictureGoneError,
  OtherVersionError,
  PageError,
  PictureMissingError,
  ProjectFileError,
};
