/** What is said beforehand of a browser that keeps little, nothing for long, or no files. Loaded where it is so. */
const en = {
  privateTitle: 'This looks like a private window.',
  privateText: 'All is gone when it closes. Download what you want to keep.',
  noFiles: 'This browser keeps no files for the studio.',
  noFilesText:
    'As in a private window, or where site data is blocked. A base model of your own cannot be kept here, nor models for captions; pictures and runs are gone when the window closes. Open the studio in a normal window, or take the demo model and download what you want to keep.',
  little: (free: string) => `This browser keeps at most ${free} more for the studio.`,
  littleText:
    'A base model of Stable Diffusion 1.x takes 2 to 4 GB, of SDXL 7 GB, where the browser has to copy it. What finds no room is not kept: a run goes on in memory, and its LoRA can be downloaded. Free space on the disk, or delete what is under Storage.',
};

const zh: typeof en = {
  privateTitle: '这好像是无痕窗口。',
  privateText: '关闭后一切都会消失，请下载要保留的内容。',
  noFiles: '此浏览器不为本工具保存文件。',
  noFilesText:
    '例如在无痕窗口中，或网站数据被阻止时。你自己的底模和打标模型无法保存在这里；窗口关闭后，图片和训练都会消失。请在普通窗口中打开本工具，或使用演示底模并下载要保留的内容。',
  little: (free) => `此浏览器最多还能为本工具保存 ${free}。`,
  littleText:
    '如果浏览器需要复制底模，Stable Diffusion 1.x 的底模占 2 到 4 GB，SDXL 占 7 GB。放不下的内容不会保存：训练在内存中继续，其 LoRA 可以下载。请清理磁盘空间，或删除“存储”中的内容。',
};

export const keepsMessages = { en, zh };
