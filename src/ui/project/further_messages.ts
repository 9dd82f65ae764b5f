/** What the dialog of training further says. */
import type { Localized } from '../../formats/config/language';
const en = {
  title: 'Train further',
  more: (name: string) => `A new run that begins with ${name} instead of from nothing.`,
  rank: (rank: number) =>
    `Its rank, ${rank}, comes from the file; everything else from the settings as they are now.`,
  ranks: (least: number, most: number) =>
    `Its layers have ranks ${least} to ${most}: each keeps its rank and alpha, and those of the settings do not count. All else is as set now.`,
  readSettings: 'Read the settings it was made with',
  lookInside: 'Look inside',
  setAside: (names: string) =>
    `It has an embedding with it (${names}), which is set aside: only the LoRA is used.`,
  figures: (steps: string, images: number) => `${steps} more steps on ${images} images`,
  start: 'Start training',
  settings: 'Look at the settings first',
  noImages: 'There are no images to train on.',
  problems: 'Some settings cannot be used as they are.',
  busy: 'Another run is under way. Stop it, or wait for its end.',
  needBase: 'Training needs a base model.',
  unreadable: 'This checkpoint cannot be read.',
};

const zh: typeof en = {
  title: '继续训练',
  more: (name) => `新的一次训练，从 ${name} 开始，而不是从零开始。`,
  rank: (rank) => `秩 ${rank} 由文件决定；其余以当前设置为准。`,
  ranks: (least, most) =>
    `它各层的秩为 ${least} 到 ${most}：每层保留自己的秩和 alpha，设置中的秩和 alpha 不起作用。其余以当前设置为准。`,
  readSettings: '读取它训练时的设置',
  lookInside: '查看内容',
  setAside: (names) => `文件中还有嵌入（${names}），不会使用：只用其中的 LoRA。`,
  figures: (steps, images) => `在 ${images} 张图片上再训练 ${steps} 步`,
  start: '开始训练',
  settings: '先看看设置',
  noImages: '没有可训练的图片。',
  problems: '有些设置目前无法使用。',
  busy: '另一次训练正在进行。请先停止，或等它结束。',
  needBase: '训练需要底模。',
  unreadable: '无法读取这个检查点。',
};

export const messages: Localized<typeof en> = { en, zh };
