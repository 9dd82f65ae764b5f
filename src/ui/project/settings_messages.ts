/** Words of the settings screen. The fields' own labels and sentences are in formats/config_fields.ts. */
import type { Localized } from '../../formats/config/language';
import type { Field, TrainConfig } from '../../formats/config/config_fields';
import type { LinkRefusal, ShareLinkError } from '../../formats/config/share_link';
import type { Purpose } from '../../protocol/captioner';
import { baseAdviceWords, type BaseAdviceCode } from '../../formats/families/base_advice';
import type { Language } from '../../formats/config/language';
import type { AdviceCode } from './advice';
import type { LeverName } from './make_it_fit';

type BasePrecision = TrainConfig['base_precision'];

type Ranged = Extract<Field, { kind: 'int' | 'number' | 'optional-number' }>;

/** What the base model says against settings; the command line says the same. */
const sayings = (language: Language) =>
  Object.fromEntries(
    Object.entries(baseAdviceWords).map(([code, words]) => [code, words[language]]),
  ) as Record<BaseAdviceCode, string>;

const en = {
  title: 'Settings',
  import: 'Import kohya or YAML',
  undo: 'Undo the last change',
  readOnly: 'Another tab has this project open. Settings can be changed there.',

  preset: 'Preset',
  presets: {
    character: { label: 'Character', about: 'A face or figure that stays itself from every side.' },
    style: { label: 'Style', about: 'The hand, not the subject. Captions say what is shown.' },
    object: { label: 'Object', about: 'One thing, placed in any scene.' },
  } satisfies Record<Purpose, { label: string; about: string }>,

  pace: 'Quick to thorough',
  quick: 'Quick',
  thorough: 'Thorough',
  steps: (n: string) => `${n} steps`,
  epochs: (n: string) => (n === '1' ? '1 epoch' : `${n} epochs`),
  ownLength: (steps: string) => `Now ${steps} steps, set by hand below.`,
  paceNeedsPictures: 'Add pictures to see steps and minutes.',

  search: 'Search settings',
  searchHint: (n: number) => `Search ${n} settings, by name or kohya key`,
  groupsLabel: 'Setting groups',
  all: 'All',
  changed: 'Changed',
  nothingFound: (words: string) => `No setting is called “${words}”.`,
  nothingChanged: 'Every setting is as the preset has it.',
  clearSearch: 'Show all',
  found: (n: number) => (n === 1 ? '1 setting' : `${n} settings`),
  defaultIs: (range: string, value: string) => (range ? `${range}, default ${value}` : `Default ${value}`),
  range: (min: string, max: string, step: string) => `${min} to ${max}${step && `, in steps of ${step}`}`,
  backTo: (value: string) => `Back to ${value}`,
  backToOf: (field: string, value: string) => `${field}: back to ${value}`,
  nothing: 'empty',
  on: 'on',
  off: 'off',
  oneLineEach: 'one a line',
  promptsCount: (n: number) => (n === 1 ? '1 prompt' : `${n} prompts`),
  units: { px: 'px', steps: 'steps', GB: 'GB' } as Record<string, string>,

  outOfRange: ({ min, max, step }: Ranged) =>
    `This must be between ${min} and ${max}${step ? `, in steps of ${step}` : ''}.`,
  wholeNumber: 'This must be a whole number.',
  aNumber: 'This must be a number.',
  oneLine: 'This must be one line without control characters.',
  conflicts: {
    train_unet: 'The U-Net and the text encoder are both off, so nothing would be trained. Turn one on.',
    min_bucket_reso: 'The shortest side is above the longest side.',
    output_name: 'This must be one file name: no folders, none of / \\ : = * ? " < > |, at most 120 bytes.',
    learning_rate: 'The learning rates of all that is trained are 0, so nothing would be learned. Raise one.',
    lr_warmup_steps:
      'Write whole steps, fewer than the run has, or a share below 1: training would end before the warm-up does.',
  } as Record<string, string>,
  advice: {
    ...sayings('en'),
    'text-rate-high':
      'Higher than the U-Net’s. Pictures may follow the trigger and ignore the rest of the prompt.',
    'lion-rate-high': 'High for Lion, which wants about a fifth of AdamW’s rate: 0.00002.',
    'adamw-rate-high': 'High. If samples turn garish or fall apart, halve it.',
    'resolution-high': 'Above what the base model learned at: slower, and figures may come out doubled.',
    'alpha-high': 'More than twice the rank multiplies the learning rate. Halve one of them.',
    'mirrored-figure': 'Faces and clothes have a left and a right; mirroring blurs them.',
    'trigger-shuffled':
      'The trigger word is shuffled with the other tags. Keep the first 1 to hold it in front.',
    'v-on-sd1':
      'Stable Diffusion 1.x and SDXL predict noise, not v, unless a model was trained otherwise. Where it was not, pictures turn to noise.',
    'offset-high': 'More than 0.15 washes out contrast.',
    'no-prompts': 'Without prompts no samples are drawn, and nothing shows which checkpoint is best.',
    'prompt-long': 'A prompt is longer than 225 tokens: what is beyond is not read.',
    'prompt-weights': 'Weights such as (word:1.2) are not read here: brackets and numbers count as words.',
    'prompt-break': 'BREAK and AND are read as plain words here.',
    'prompt-lora-tag': 'A <lora:…> tag is left out: samples show what is trained, at full strength.',
    'prompt-option': 'An option behind -- is not known here: --n, --w, --h, --d, --s and --l are.',
    'prompt-size': 'Sides are multiples of 64, from 64 to 2048: another size is drawn at the nearest below.',
  } satisfies Record<AdviceCode, string>,

  meter: 'What this run will take',
  time: 'Time',
  timeUnknown: 'Not known yet',
  stepsOf: (steps: string, each: string) => `${steps} steps of ${each}, by the speed measured on this GPU`,
  withSamples: (time: string) => `${time} of it for samples`,
  measure: 'Measure, 3 seconds',
  measuring: 'Measuring…',
  notMeasured: 'How fast this GPU is has not been measured.',
  sum: { images: 'images', repeats: 'repeats', epochs: 'epochs', batch: 'batch', steps: 'steps' },
  sumSpoken: (images: string, repeats: string, epochs: string, batch: string, steps: string) =>
    `${images} images times ${repeats} repeats times ${epochs} epochs divided by batch ${batch} is ${steps} steps`,
  shortBatches: (real: string, plain: string) =>
    `Each shape of picture ends an epoch with a short batch: ${real} steps an epoch instead of ${plain}.`,
  limited: (steps: string) => `Ends after ${steps} steps, as “Steps instead of epochs” says.`,
  unusable: (n: number) =>
    n === 1
      ? '1 picture is too small or too thin for these shapes.'
      : `${n} pictures are too small or too thin for these shapes.`,

  memory: 'Memory',
  ofBudget: (budget: string) => `of ${budget}`,
  ofAim: (aim: string) => `aim: ${aim}`,
  memoryUnknown: {
    base: 'Known once a base model is chosen.',
    pictures: 'Known once there are pictures.',
    problems: 'Known once the settings above are right.',
  },
  working: 'Working it out…',
  fits: (spare: string) => `Fits, ${spare} to spare`,
  tooMuch: (over: string) => `${over} more than it may take`,
  overAim: (over: string) =>
    `${over} more than it aims at. It starts all the same, and does with less if the GPU has no more.`,
  memorySpoken: (peak: string, budget: string) => `${peak} of ${budget}`,
  recomputed: (n: number, all: number) =>
    n === 0
      ? 'Every block keeps its activations.'
      : `${n} of ${all} blocks are computed twice to save memory.`,
  inPasses: (n: number, all: number) => `${n} of ${all} pictures at once; the result is the same.`,
  weightsAs: {
    fp16: 'Base model, half precision',
    int8: 'Base model, its U-Net in int8',
    nf4: 'Base model, its U-Net in NF4',
  } satisfies Record<BasePrecision, string>,
  parts: {
    kept: 'Activations kept for the backward pass',
    working: 'Working space',
    lora: 'LoRA, gradients, optimizer',
  },
  again: 'Try again',
  allow: 'Allow reading',
  busy: 'Known again when the run under way is over.',
  unreadable: {
    permission: 'The browser asks again before it reads the base model.',
    missing: 'This copy of the studio has no demo model. Choose a base model on the start screen.',
    moved: 'The base model is no longer where it was. Choose it again on the start screen.',
    offline: 'The demo model is not on this computer yet. Go online once and try again.',
    cleared: 'The copy of the base model is no longer in this browser. Choose it again on the start screen.',
    visit: 'This browser does not remember where the base model lies. Choose it again on the start screen.',
  },

  fit: 'Make it fit',
  fitWhy: 'room for other programs',
  card: 'Your graphics card',
  cardUnit: 'its memory, in GB',
  cardSpoken: 'Memory of the graphics card, in GB',
  cardAuto: 'Auto',
  cardNote:
    'A page is not told how much memory the card has, so it stays small. Name it, and training gets faster.',
  cardNamed: 'Some of it is left to the screen. Remembered in this browser.',
  budgetByHand: (gb: string) => `Set by hand: at most ${gb} GB.`,
  budgetAuto: 'Decide for me',
  levers: {
    recompute: 'Recompute every block',
    int8: 'Base model in int8',
    batch: 'Batch 1, more passes a step',
    'unet-only': 'U-Net only',
    resolution: 'Lower resolution',
    nf4: 'Base model in NF4, experimental',
  } satisfies Record<LeverName, string>,
  leverTo: {
    recompute: () => '',
    int8: () => '',
    nf4: () => '',
    batch: (passes: number) => `Batch 1, ${passes} passes a step`,
    'unet-only': () => '',
    resolution: (_: number, px: number) => `Resolution ${px} px`,
  } satisfies Record<LeverName, (passes: number, px: number) => string>,
  fitDo: 'Make it fit',
  fitThen: (memory: string, time: string) => `then ${memory}${time && ` and ${time}`}`,
  fitNever: 'Not even all of this is enough. Allow more memory.',
  fitNf4:
    'NF4 is never taken by itself: where noise dominates, its own error steers the training, and the LoRA learns to mend a coarser base model than the one it will be used on.',
  fitted: (fields: string) => `Changed: ${fields}.`,

  files: 'Files',
  fileIs: (name: string, precision: string) => `${name}.safetensors, ${precision}.`,
  precisions: { fp16: 'half precision', bf16: 'bfloat16', float: 'full precision' } satisfies Record<
    TrainConfig['save_precision'],
    string
  >,
  fileSizeUnknown: 'Its size is known once a base model is chosen.',

  start: 'Start training',
  startAnyway: 'Start anyway',
  beginWith: 'Begin with a LoRA that you have',
  toRun: 'Go to the run under way',
  starting: 'Starting…',
  missing: {
    pictures: 'There are no pictures yet.',
    base: 'No base model is chosen.',
    prediction: 'What the base model predicts has to be said.',
    problems: (n: number) => (n === 1 ? 'One setting is not right.' : `${n} settings are not right.`),
    adapter: 'No GPU was found.',
    readOnly: 'Another tab has this project open.',
    memory: 'It needs more memory than was set by hand.',
    tooLarge: 'One picture alone needs a larger piece of memory than this GPU gives out.',
    copied: 'The base model is being copied.',
    downloaded: 'The base model is being downloaded.',
  },
  toPictures: 'Add pictures',
  toBase: 'Choose one',
  toProblem: 'Show',

  share: 'Share these settings',
  copy: 'Copy the link',
  copied: 'The link is on the clipboard.',
  notCopied: 'The browser did not allow copying. Select the link and copy it.',
  shareNote: (n: number) => `${n} characters. No pictures, captions, prompts or names are in it.`,
  saveYaml: 'Save as YAML',
  elsewhere: 'Take this job elsewhere',
  shareTooLong: 'Too long for a link. Save the settings as a YAML file and send that.',

  importTitle: 'Import settings',
  importAbout:
    'From kohya_ss, sd-scripts (TOML, data set or command line), lora-scripts, OneTrainer or ai-toolkit, from a LoRA’s own metadata, or a YAML file of this studio, which changes only what it names. Nothing changes until you take it.',
  openFile: 'Open a file',
  paste: 'Or paste its text here',
  lineSays: (line: number, sentence: string) => `Line ${line}: ${sentence}`,
  noSettings: 'This cannot be read as settings.',
  sameAsNow: 'These are the settings you have.',
  noLora: 'This is no LoRA file that can be read.',
  lists: {
    taken: (n: number) => (n === 1 ? '1 name is taken as it is' : `${n} names are taken as they are`),
    changed: (n: number) => `Taken, but not to the letter (${n})`,
    assumed: (n: number) => `Not said in the file; as its program has it (${n})`,
    left: (n: number) => `Left out (${n})`,
  },

  linkTitle: 'Settings from a link',
  linkAbout: 'Somebody shared these. Nothing has changed yet, and nothing starts by itself.',
  linkBroken: {
    'too-long': 'The link is too long to be a settings link.',
    'not-base64': 'The link is damaged. Copy it again, whole.',
    'not-deflate': 'The link is damaged, or a part of it is missing. Copy it again, whole.',
    'too-large': 'The link unfolds to more than 64 KB, so it holds no settings. Do not use it.',
    'not-json': 'The link holds no settings. Ask for it again.',
    'not-a-map': 'The link holds no settings. Ask for it again.',
  } satisfies Record<ShareLinkError['code'], string>,
  refused: {
    unknown: 'There is no such setting; left out:',
    private: 'Texts are never taken from a link; left out:',
    invalid: 'Cannot be used and left out:',
  } satisfies Record<LinkRefusal['why'], string>,
  difference: { take: 'Take', setting: 'Setting', yours: 'Yours', theirs: 'New' },
  takeAll: 'All',
  take: (n: number) => (n === 0 ? 'Take nothing' : n === 1 ? 'Take 1 setting' : `Take ${n} settings`),
  leave: 'Leave mine',
  close: 'Close',
  followsRank: (value: string) => `= ${value}`,
};

const zh: typeof en = {
  title: '参数',
  import: '导入 kohya 或 YAML',
  undo: '撤销上一步',
  readOnly: '另一个标签页正打开此项目，请在那里修改设置。',

  preset: '预设',
  presets: {
    character: { label: '角色', about: '从任何角度看都认得出的面孔或形象。' },
    style: { label: '画风', about: '学笔法，不学内容；标注写明画的是什么。' },
    object: { label: '物品', about: '一件东西，放进任何场景。' },
  },

  pace: '从快速到精细',
  quick: '快速',
  thorough: '精细',
  steps: (n) => `${n} 步`,
  epochs: (n) => `${n} 轮`,
  ownLength: (steps) => `目前为 ${steps} 步，由下方设置决定。`,
  paceNeedsPictures: '添加图片后显示步数和时间。',

  search: '搜索设置',
  searchHint: (n) => `搜索 ${n} 项设置（名称或 kohya 参数名）`,
  groupsLabel: '设置分组',
  all: '全部',
  changed: '已修改',
  nothingFound: (words) => `没有名为“${words}”的设置。`,
  nothingChanged: '所有设置都与预设相同。',
  clearSearch: '显示全部',
  found: (n) => `${n} 项设置`,
  defaultIs: (range, value) => (range ? `${range}，默认 ${value}` : `默认 ${value}`),
  range: (min, max, step) => `${min} 至 ${max}${step && `，步长 ${step}`}`,
  backTo: (value) => `恢复为 ${value}`,
  backToOf: (field, value) => `${field}：恢复为 ${value}`,
  nothing: '空',
  on: '开',
  off: '关',
  oneLineEach: '每行一条',
  promptsCount: (n) => `${n} 条提示词`,
  units: { px: 'px', steps: '步', GB: 'GB' },

  outOfRange: ({ min, max, step }) =>
    `取值须在 ${min} 到 ${max} 之间${step ? `，且为 ${step} 的倍数` : ''}。`,
  wholeNumber: '这里须填整数。',
  aNumber: '这里须填数字。',
  oneLine: '这里须为一行文字，不含控制字符。',
  conflicts: {
    train_unet: 'U-Net 和文本编码器都已关闭，没有可训练的部分。请开启其中一个。',
    min_bucket_reso: '最短边大于最长边。',
    output_name: '须为单个文件名：不含文件夹，也不含 / \\ : = * ? " < > |，最长 120 字节（约 40 个汉字）。',
    learning_rate: '要训练的部分学习率都是 0，什么也学不到。请调高其中一个。',
    lr_warmup_steps: '请填整数步数（须少于总步数），或小于 1 的比例：否则训练会在预热结束之前结束。',
  },
  advice: {
    ...sayings('zh'),
    'text-rate-high': '高于 U-Net 的学习率。画面可能只认触发词，而忽略其余提示词。',
    'lion-rate-high': '对 Lion 来说偏高；它的学习率约为 AdamW 的五分之一：0.00002。',
    'adamw-rate-high': '偏高。如果预览图过艳或崩坏，请减半。',
    'resolution-high': '高于底模的训练分辨率：更慢，且人物可能重复出现。',
    'alpha-high': '超过秩的两倍会放大学习率。请把其中一个减半。',
    'mirrored-figure': '脸和服装左右有别，镜像会使其模糊。',
    'trigger-shuffled': '触发词会和其他标签一起被打乱。把“保留前几个”设为 1 即可固定在最前。',
    'v-on-sd1':
      '除非另行训练，Stable Diffusion 1.x 和 SDXL 预测的是噪声而不是 v。若底模不是以 v 训练，画面会变成噪点。',
    'offset-high': '超过 0.15 会使画面发灰。',
    'no-prompts': '没有提示词就不生成预览图，也看不出哪个检查点最好。',
    'prompt-long': '有提示词超过 225 个 token，超出部分不会读取。',
    'prompt-weights': '这里不读取 (word:1.2) 这样的权重：括号和数字会当作普通文字。',
    'prompt-break': 'BREAK 和 AND 在这里会当作普通单词。',
    'prompt-lora-tag': '<lora:…> 标签会被忽略：预览图显示的是正在训练的 LoRA，强度为 1。',
    'prompt-option': '-- 后面的选项这里不认识：可用的有 --n、--w、--h、--d、--s 和 --l。',
    'prompt-size': '边长须为 64 的倍数（64 到 2048）：其他尺寸会取较小的最近值。',
  },

  meter: '这次训练需要什么',
  time: '时间',
  timeUnknown: '尚不清楚',
  stepsOf: (steps, each) => `${steps} 步，每步 ${each}，按本机 GPU 实测速度计算`,
  withSamples: (time) => `其中预览图 ${time}`,
  measure: '测速（3 秒）',
  measuring: '正在测速…',
  notMeasured: '尚未测量这块 GPU 的速度。',
  sum: { images: '图片', repeats: '重复', epochs: '轮数', batch: '批量', steps: '步数' },
  sumSpoken: (images, repeats, epochs, batch, steps) =>
    `${images} 张图片乘以重复 ${repeats} 次，乘以 ${epochs} 轮，除以批大小 ${batch}，等于 ${steps} 步`,
  shortBatches: (real, plain) =>
    `每种尺寸的图片在一轮结尾都有一个不满的批次：每轮 ${real} 步，而不是 ${plain} 步。`,
  limited: (steps) => `按“按步数训练”的设置，在 ${steps} 步后结束。`,
  unusable: (n) => `有 ${n} 张图片对这些尺寸来说太小或太细长。`,

  memory: '显存',
  ofBudget: (budget) => `上限 ${budget}`,
  ofAim: (aim) => `目标 ${aim}`,
  memoryUnknown: {
    base: '选择底模后即可得知。',
    pictures: '添加图片后即可得知。',
    problems: '修正上面的设置后即可得知。',
  },
  working: '正在计算…',
  fits: (spare) => `放得下，还剩 ${spare}`,
  tooMuch: (over) => `超出上限 ${over}`,
  overAim: (over) => `比目标多 ${over}。仍可开始；如果 GPU 显存不够，会自动用得更少。`,
  memorySpoken: (peak, budget) => `${peak}，上限 ${budget}`,
  recomputed: (n, all) =>
    n === 0 ? '所有模块都保留激活值。' : `${all} 个模块中有 ${n} 个重算一次以节省显存。`,
  inPasses: (n, all) => `每批 ${all} 张图片分次处理，每次 ${n} 张；结果相同。`,
  weightsAs: {
    fp16: '底模（半精度）',
    int8: '底模（U-Net 为 int8）',
    nf4: '底模（U-Net 为 NF4）',
  },
  parts: {
    kept: '为反向传播保留的激活值',
    working: '工作空间',
    lora: 'LoRA、梯度和优化器',
  },
  again: '重试',
  allow: '允许读取',
  busy: '当前训练结束后即可得知。',
  unreadable: {
    permission: '浏览器在读取底模之前需要再次确认。',
    missing: '此处的工作室没有演示模型。请在开始页面选择底模。',
    moved: '底模已不在原来的位置。请在开始页重新选择。',
    offline: '演示底模尚未下载到本机。请联网后重试。',
    cleared: '浏览器中保存的底模副本已不存在。请在开始页重新选择。',
    visit: '此浏览器不会记住底模的位置。请在开始页重新选择。',
  },

  fit: '适配显存',
  fitWhy: '为其他程序留出空间',
  card: '你的显卡',
  cardUnit: '显存（GB）',
  cardSpoken: '显卡的显存（GB）',
  cardAuto: '自动',
  cardNote: '网页无法得知显卡有多少显存，所以只用少量。选出显存大小，训练会更快。',
  cardNamed: '会给屏幕留出一部分。此浏览器会记住。',
  budgetByHand: (gb) => `手动设定：最多 ${gb} GB。`,
  budgetAuto: '改回自动',
  levers: {
    recompute: '重算所有模块',
    int8: '底模以 int8 存放',
    batch: '批大小 1，每步多次累积',
    'unet-only': '只训练 U-Net',
    resolution: '降低分辨率',
    nf4: '底模以 NF4 存放（实验性）',
  },
  leverTo: {
    recompute: () => '',
    int8: () => '',
    nf4: () => '',
    batch: (passes) => `批大小 1，每步累积 ${passes} 次`,
    'unet-only': () => '',
    resolution: (_, px) => `分辨率 ${px} px`,
  },
  fitDo: '应用',
  fitThen: (memory, time) => `之后 ${memory}${time && `，${time}`}`,
  fitNever: '全部用上仍然不够。请提高显存上限。',
  fitNf4:
    'NF4 不会自动选用：噪声占主导时，它自身的误差会左右训练，LoRA 学到的部分内容只是在修补比实际使用的底模更粗糙的底模。',
  fitted: (fields) => `已修改：${fields}。`,

  files: '文件',
  fileIs: (name, precision) => `${name}.safetensors，${precision}。`,
  precisions: { fp16: '半精度', bf16: 'bfloat16', float: '全精度' },
  fileSizeUnknown: '选择底模后即可得知大小。',

  start: '开始训练',
  startAnyway: '仍然开始',
  beginWith: '从已有的 LoRA 开始',
  toRun: '查看正在进行的训练',
  starting: '正在启动…',
  missing: {
    pictures: '还没有图片。',
    base: '还没有选择底模。',
    prediction: '还没有说明底模预测什么。',
    problems: (n) => `有 ${n} 项设置不正确。`,
    adapter: '没有找到 GPU。',
    readOnly: '另一个标签页正打开此项目。',
    memory: '所需显存超出手动设定的上限。',
    tooLarge: '单张图片所需的一块显存就超过了这块 GPU 允许的大小。',
    copied: '正在复制底模。',
    downloaded: '正在下载底模。',
  },
  toPictures: '添加图片',
  toBase: '去选择',
  toProblem: '查看',

  share: '分享这些设置',
  copy: '复制链接',
  copied: '链接已复制到剪贴板。',
  notCopied: '浏览器不允许复制。请选中链接后自行复制。',
  shareNote: (n) => `${n} 个字符。不含图片、标注、提示词和任何名称。`,
  saveYaml: '另存为 YAML',
  elsewhere: '换一台机器训练',
  shareTooLong: '链接过长。请把设置存为 YAML 文件后发送。',

  importTitle: '导入设置',
  importAbout:
    '支持 kohya_ss、sd-scripts（TOML、数据集或命令行）、lora-scripts（秋叶）、OneTrainer、ai-toolkit、LoRA 自带的元数据，以及本工具的 YAML（只改变其中写明的设置）。确认之前不会有任何改变。',
  openFile: '打开文件',
  paste: '或在此粘贴内容',
  lineSays: (line, sentence) => `第 ${line} 行：${sentence}`,
  noSettings: '无法作为设置读取。',
  sameAsNow: '与现有设置完全相同。',
  noLora: '这不是可以读取的 LoRA 文件。',
  lists: {
    taken: (n) => `原样采用 ${n} 项`,
    changed: (n) => `已采用，但略有改动（${n}）`,
    assumed: (n) => `文件中没有写明，按其程序的默认值（${n}）`,
    left: (n) => `已略去（${n}）`,
  },

  linkTitle: '来自链接的设置',
  linkAbout: '这是别人分享的设置。目前没有任何改变，也不会自动开始训练。',
  linkBroken: {
    'too-long': '链接过长，不是设置链接。',
    'not-base64': '链接已损坏，请重新完整复制。',
    'not-deflate': '链接已损坏或不完整，请重新完整复制。',
    'too-large': '链接解压后超过 64 KB，不是设置。请勿使用。',
    'not-json': '链接中没有设置，请重新索取。',
    'not-a-map': '链接中没有设置，请重新索取。',
  },
  refused: {
    unknown: '没有这项设置，已略去：',
    private: '文字内容不会从链接中读取，已略去：',
    invalid: '无法使用，已略去：',
  },
  difference: { take: '采用', setting: '设置', yours: '现有', theirs: '新值' },
  takeAll: '全选',
  take: (n) => (n === 0 ? '不采用' : `采用 ${n} 项`),
  leave: '保持不变',
  close: '关闭',
  followsRank: (value) => `= ${value}`,
};

export const messages: Localized<typeof en> = { en, zh };
