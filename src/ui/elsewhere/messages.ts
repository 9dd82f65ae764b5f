/** What is said where a run goes to another machine, and comes back, in both languages. */
import type { Localized } from '../../formats/config/language';
import type { ReturnedNote } from '../../protocol/handover';

const en = {
  outTitle: 'Take this job elsewhere',
  outAbout:
    'Packs pictures, captions and settings as a job for sd-scripts on another machine, one with a faster card or with several. Nothing is sent: you get a zip.',
  looking: 'Looking at what goes along…',
  pictures: 'Pictures',
  whole: 'As you gave them',
  wholeMore:
    'sd-scripts cuts them itself, always in the middle. Turned or transparent ones are redrawn as PNG.',
  cut: (side: number) => `Cut as they are trained on here (${side} × ${side} or a bucket like it)`,
  cutMore: 'Crops set by hand go along.',
  machine: 'The other machine',
  gpus: 'GPUs',
  cpu: 'it has none: train on the CPU',
  global: (count: string) =>
    `One step will see ${count} pictures: batch times accumulation times GPUs. Epochs are as much shorter; the learning rate is not changed.`,
  withLora: (name: string, step: string) => `Go on from ${name} (step ${step})`,
  withLoraMore: 'Steps, schedule and the optimizer’s memory begin anew there.',
  noPictures: 'There are no pictures to take along.',
  about: (count: string, bytes: string) =>
    `${count} ${count === '1' ? 'picture' : 'pictures'}, ${bytes} in all.`,
  atMost: (count: string, bytes: string) =>
    `${count} ${count === '1' ? 'picture' : 'pictures'}, at most ${bytes} in all.`,
  tooLarge: 'This is more than the 4 GB that a zip takes. Take the cut pictures, or fewer.',
  base: (base: string, vae: string | undefined) =>
    vae === undefined
      ? `The base model is not in it: it goes into the folder base/ there, as ${base}.`
      : `Base model and VAE are not in it: they go into the folder base/ there, as ${base} and ${vae}.`,
  rows: (mapped: number, near: number, dropped: number) =>
    `Of the settings sd-scripts has ${mapped}, ${near} nearly, ${dropped} not: README.md in the zip lists each. With it come run.sh and the SHA-256 of every file.`,
  make: 'Make the zip',
  packing: 'Packing',
  packed: (done: string, total: string) => `${done} of ${total} pictures`,
  stop: 'Stop',
  close: 'Close',
  made: (name: string) => `${name} is made.`,
  madeMore: 'Unpack it on the other machine and read README.md. What comes of it opens under Results, Runs.',
  failed: 'The job could not be packed.',

  backTitle: 'Open a run from elsewhere',
  backAbout:
    'What sd-scripts left: the folder of a job as it is now, a zip of it, or single files: LoRAs, TensorBoard’s event files from logs, samples from output/sample. It becomes a run beside yours.',
  folder: 'Choose a folder',
  files: 'Choose files or a zip',
  drop: 'Or drop them here.',
  reading: 'Reading what came back…',
  nothing: 'None of these files is a LoRA, a log or a sample of sd-scripts.',
  unreadable: 'What came back could not be read.',
  steps: (done: string, total: string) => `${done} of ${total} steps`,
  loras: (count: number) => (count === 1 ? '1 LoRA' : `${count} LoRAs`),
  noLora: 'no LoRA',
  points: (count: string) => `a loss curve of ${count} points`,
  noCurve: 'no loss curve',
  samples: (count: number) => (count === 1 ? '1 sample' : `${count} samples`),
  noPrompts: 'The prompts of its samples are not known: sample_prompts.txt of the job says them.',
  known: (count: number) => `${count} of its settings are known`,
  baseIs: (name: string) => `trained on ${name}`,
  changed: (names: string) => `No longer as they were sent: ${names}.`,
  unchanged: (count: number) => `${count} files of the job are as they were sent.`,
  left: 'Not taken',
  and: (count: number) => `and ${count} more`,
  keep: 'Add as a run',
  replace: 'Put in place of the one that is here',
  kept: 'It is among the runs.',
  readOnly: 'This project is open in another tab.',
  notKept: 'The run could not be kept.',
  logged: (files: number) => `Trained elsewhere by sd-scripts; brought in from ${files} files.`,
  /** `file` stands before each. */
  why: {
    error: 'could not be read.',
    'log-damaged': 'is damaged, or no event file; what stands before the damage counts.',
    'picture-damaged': 'is damaged, or no PNG.',
    'no-sample-name': 'is not named as sd-scripts names samples, so that its step is not known.',
    'no-step': 'does not say its step.',
    'same-step': 'has the step of another, which is taken.',
    'other-run': 'belongs to an earlier run.',
    state: 'is a state of sd-scripts, which only it can resume.',
    unknown: 'is nothing that a run leaves.',
  } satisfies Record<ReturnedNote['why'], string>,
};

const zh: typeof en = {
  outTitle: '换一台机器训练',
  outAbout:
    '把图片、标注和设置打包成 sd-scripts 的训练任务，可在显卡更快或有多张显卡的机器上训练。不会发送任何内容：你得到的是一个 zip。',
  looking: '正在查看要带走的内容…',
  pictures: '图片',
  whole: '原图',
  wholeMore: 'sd-scripts 会自己裁剪，总是取中间。带旋转标记或透明的图片会重新保存为 PNG。',
  cut: (side) => `按这里训练时的裁剪（${side} × ${side} 或相应的分桶尺寸）`,
  cutMore: '手动设置的裁剪会一并带走。',
  machine: '另一台机器',
  gpus: 'GPU 数量',
  cpu: '没有 GPU：用 CPU 训练',
  global: (count) =>
    `每一步会看到 ${count} 张图片：批大小 × 累积 × GPU 数量。每轮的步数相应减少；学习率不变。`,
  withLora: (name, step) => `从 ${name}（第 ${step} 步）继续`,
  withLoraMore: '步数、学习率计划和优化器的状态在那里重新开始。',
  noPictures: '没有可以带走的图片。',
  about: (count, bytes) => `${count} 张图片，共 ${bytes}。`,
  atMost: (count, bytes) => `${count} 张图片，最多 ${bytes}。`,
  tooLarge: '超过了 zip 的 4 GB 上限。请选择裁剪后的图片，或减少图片。',
  base: (base, vae) =>
    vae === undefined
      ? `不含底模：请在那里把它放进 base/ 文件夹，命名为 ${base}。`
      : `不含底模和 VAE：请在那里把它们放进 base/ 文件夹，命名为 ${base} 和 ${vae}。`,
  rows: (mapped, near, dropped) =>
    `设置中有 ${mapped} 项 sd-scripts 也有，${near} 项近似，${dropped} 项没有：zip 中的 README.md（英文）逐项列出。另有 run.sh 和每个文件的 SHA-256。`,
  make: '生成 zip',
  packing: '正在打包',
  packed: (done, total) => `${done} / ${total} 张图片`,
  stop: '停止',
  close: '关闭',
  made: (name) => `已生成 ${name}。`,
  madeMore: '请在另一台机器上解压，并阅读 README.md。训练结果可在“结果”的“训练记录”中打开。',
  failed: '无法打包这个任务。',

  backTitle: '打开在别处完成的训练',
  backAbout:
    'sd-scripts 留下的内容：训练后的任务文件夹、它的 zip，或单个文件：LoRA、logs 中的 TensorBoard 事件文件、output/sample 中的样图。它会成为一条训练记录，与你的并列。',
  folder: '选择文件夹',
  files: '选择文件或 zip',
  drop: '或拖放到这里。',
  reading: '正在读取…',
  nothing: '这些文件中没有 sd-scripts 的 LoRA、日志或样图。',
  unreadable: '无法读取带回的内容。',
  steps: (done, total) => `${total} 步中的 ${done} 步`,
  loras: (count) => `${count} 个 LoRA`,
  noLora: '没有 LoRA',
  points: (count) => `损失曲线 ${count} 个点`,
  noCurve: '没有损失曲线',
  samples: (count) => `${count} 张样图`,
  noPrompts: '不知道样图的提示词：任务中的 sample_prompts.txt 里有。',
  known: (count) => `已知 ${count} 项设置`,
  baseIs: (name) => `在 ${name} 上训练`,
  changed: (names) => `与发出时不同：${names}。`,
  unchanged: (count) => `任务中的 ${count} 个文件与发出时相同。`,
  left: '未采用',
  and: (count) => `另有 ${count} 个`,
  keep: '加入训练记录',
  replace: '替换已有的记录',
  kept: '已加入训练记录。',
  readOnly: '此项目已在另一个标签页中打开。',
  notKept: '无法保存这次训练。',
  logged: (files) => `由 sd-scripts 在别处训练；从 ${files} 个文件带回。`,
  why: {
    error: '无法读取。',
    'log-damaged': '已损坏，或不是事件文件；损坏处之前的内容已采用。',
    'picture-damaged': '已损坏，或不是 PNG。',
    'no-sample-name': '的名称不是 sd-scripts 的样图名称，因此不知道是第几步。',
    'no-step': '没有说明是第几步。',
    'same-step': '与另一个文件步数相同，采用了另一个。',
    'other-run': '属于更早的一次训练。',
    state: '是 sd-scripts 的存档，只有它自己能继续。',
    unknown: '不是训练留下的文件。',
  },
};

export const messages: Localized<typeof en> = { en, zh };
