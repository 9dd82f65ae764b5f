// Every setting of the trainer, once: name, kind, range, default, group and a sentence. The form, the YAML
// file, the share link and the documentation are made from this list, and the type of a configuration is
// derived from it. Longer than other files because the list is. The names are kohya's where kohya has one.

import type { Localized } from './language';

interface Common {
  readonly group: GroupName;
  readonly label: Localized;
  /** One sentence: what it does and, where it helps, what to try. */
  readonly about: Localized;
}

interface Range {
  readonly min: number;
  readonly max: number;
  /** Values must be whole multiples of this. */
  readonly step?: number;
  readonly unit?: string;
}

/** A whole number. */
export type IntField = Common & Range & { readonly kind: 'int'; readonly default: number };
/** Any finite number. */
export type NumberField = Common & Range & { readonly kind: 'number'; readonly default: number };
/** A number, or null for "follow another setting", which `about` names. */
export type OptionalNumberField = Common &
  Range & { readonly kind: 'optional-number'; readonly default: number | null };
export type SwitchField = Common & { readonly kind: 'switch'; readonly default: boolean };
/** One of a few words or numbers. */
export type ChoiceField<T extends string | number> = Common & {
  readonly kind: 'choice';
  readonly choices: readonly T[];
  readonly default: T;
};
/** One line of text; `path` says that it names a file or folder. May be empty unless `required`. */
export type TextField = Common & {
  readonly kind: 'text';
  readonly path: boolean;
  readonly required: boolean;
  readonly default: string;
};
/** A list of texts; one text stands for a list of one. */
export type TextsField = Common & { readonly kind: 'texts'; readonly default: readonly string[] };
/** true, false, or a path. */
export type SwitchOrPathField = Common & {
  readonly kind: 'switch-or-path';
  readonly default: boolean | string;
};

export type Field =
  | IntField
  | NumberField
  | OptionalNumberField
  | SwitchField
  | ChoiceField<string | number>
  | TextField
  | TextsField
  | SwitchOrPathField;

export type GroupName =
  'files' | 'network' | 'optimizer' | 'pictures' | 'captions' | 'noise' | 'saving' | 'samples';

/** The groups in the order they are shown. */
export const groups: Readonly<Record<GroupName, Localized>> = {
  files: { en: 'Files', zh: '文件' },
  network: { en: 'Network', zh: '网络' },
  optimizer: { en: 'Optimizer', zh: '优化器' },
  pictures: { en: 'Pictures', zh: '图片' },
  captions: { en: 'Captions', zh: '标注' },
  noise: { en: 'Noise and loss', zh: '噪声与损失' },
  saving: { en: 'Saving', zh: '保存' },
  samples: { en: 'Samples', zh: '预览图' },
};

const t = (en: string, zh: string): Localized => ({ en, zh });

type Head = [group: GroupName, label: Localized, about: Localized];
const common = ([group, label, about]: Head): Common => ({ group, label, about });

const int = (value: number, range: Range, ...head: Head): IntField => ({
  kind: 'int',
  default: value,
  ...range,
  ...common(head),
});
const number = (value: number, range: Range, ...head: Head): NumberField => ({
  kind: 'number',
  default: value,
  ...range,
  ...common(head),
});
const optional = (range: Range, ...head: Head): OptionalNumberField => ({
  kind: 'optional-number',
  default: null,
  ...range,
  ...common(head),
});
const toggle = (value: boolean, ...head: Head): SwitchField => ({
  kind: 'switch',
  default: value,
  ...common(head),
});
const choice = <const T extends string | number>(
  value: NoInfer<T>,
  choices: readonly T[],
  ...head: Head
): ChoiceField<T> => ({
  kind: 'choice',
  default: value,
  choices,
  ...common(head),
});
const text = (value: string, ...head: Head): TextField => ({
  kind: 'text',
  path: false,
  required: false,
  default: value,
  ...common(head),
});
const path = (value: string, required: boolean, ...head: Head): TextField => ({
  kind: 'text',
  path: true,
  required,
  default: value,
  ...common(head),
});

const rate: Range = { min: 0, max: 1 };

/** All fields, in the order of the file. */
export const configFields = {
  train_data_dir: path(
    './train_data',
    true,
    'files',
    t('Training images', '训练图片'),
    t('Folder of the images to learn from.', '存放训练图片的文件夹。'),
  ),
  metadata_path: path(
    '',
    false,
    'files',
    t('Captions file', '标注文件'),
    t(
      'Table of captions that counts before all others; empty: metadata.csv, metadata.jsonl or meta_cap.json in the folder and the .txt or .caption files beside the images. Where two differ, the newer file counts, the table if neither is newer, and it is said.',
      '优先于其他来源的标注表；留空则读取文件夹中的 metadata.csv、metadata.jsonl 或 meta_cap.json 以及图片旁的 .txt 或 .caption 文件。两者不同时采用较新的文件，无法判断新旧时采用表格，并给出提示。',
    ),
  ),
  base_model: path(
    './models/v1-5-pruned-emaonly.safetensors',
    true,
    'files',
    t('Base model', '底模'),
    t(
      'Stable Diffusion 1.x, 2.x or SDXL checkpoint (.safetensors) that the LoRA is trained on.',
      '用来训练 LoRA 的 Stable Diffusion 1.x、2.x 或 SDXL 模型（.safetensors）。',
    ),
  ),
  vae: path(
    '',
    false,
    'files',
    t('VAE', 'VAE'),
    t(
      'A VAE of its own (.safetensors or a diffusers folder) in place of the base model’s; empty: the base model’s.',
      '另外指定的 VAE（.safetensors 或 diffusers 文件夹），代替底模自带的 VAE；留空则用底模的。',
    ),
  ),
  output_dir: path(
    './output',
    true,
    'files',
    t('Output folder', '输出文件夹'),
    t('Where the LoRA, its checkpoints and the log are written.', 'LoRA、检查点和日志的保存位置。'),
  ),
  output_name: text(
    'my_lora',
    'files',
    t('Name', '名称'),
    t('Name of the LoRA: of its file, and in WebUI.', 'LoRA 的名称：文件名，也是 WebUI 里显示的名字。'),
  ),
  pretrained_lora: path(
    '',
    false,
    'files',
    t('Continue from a LoRA', '继续训练的 LoRA'),
    t(
      'An existing LoRA to start from instead of from nothing, with names of kohya, diffusers, peft (the file or its folder), OneTrainer or ComfyUI; a lower rank is padded, ranks that differ among each other are kept; empty: none.',
      '从已有的 LoRA 开始训练（kohya、diffusers、peft（文件或其文件夹）、OneTrainer 或 ComfyUI 的命名；较低的秩会补齐，各层不同的秩会保留）；留空则从零开始。',
    ),
  ),
  resume: {
    kind: 'switch-or-path',
    default: false,
    ...common([
      'files',
      t('Resume', '恢复训练'),
      t(
        'Go on from the newest checkpoint in the output folder (true), or from the one named here.',
        '从输出文件夹里最新的检查点（true）或这里指定的检查点继续。',
      ),
    ]),
  },
  training_comment: text(
    '',
    'files',
    t('Comment', '备注'),
    t(
      'Written into the LoRA for whoever opens it, such as the trigger word.',
      '写入 LoRA 文件的备注，例如触发词。',
    ),
  ),

  lora_rank: int(
    8,
    { min: 1, max: 128 },
    'network',
    t('Rank', '秩（rank）'),
    t('How much the LoRA can hold; 8 to 32 is plenty for a style.', 'LoRA 的容量；学画风 8 到 32 就够了。'),
  ),
  lora_alpha: optional(
    { min: 0.001, max: 4096 },
    'network',
    t('Alpha', 'Alpha'),
    t(
      'Scales the change by alpha ÷ rank; empty: same as the rank.',
      '以 alpha ÷ rank 缩放改变量；留空则与 rank 相同。',
    ),
  ),
  lora_dropout: number(
    0,
    { min: 0, max: 0.95 },
    'network',
    t('Dropout', '丢弃率'),
    t(
      'Share of the LoRA that is left out at random in each step, against overfitting.',
      '每步随机丢弃的 LoRA 比例，用来减轻过拟合。',
    ),
  ),
  train_unet: toggle(
    true,
    'network',
    t('Train the U-Net', '训练 U-Net'),
    t('Adapts the part that paints; leave it on.', '训练负责作画的部分，通常保持开启。'),
  ),
  train_text_encoder: toggle(
    false,
    'network',
    t('Train the text encoder', '训练文本编码器'),
    t(
      'Helps a new trigger word; adds 72 modules (138 of SD 2.x, 264 of SDXL) and some time.',
      '有助于学会新的触发词；增加 72 个模块（SD 2.x 为 138 个，SDXL 为 264 个）和一些时间。',
    ),
  ),

  batch_size: int(
    2,
    { min: 1, max: 64 },
    'optimizer',
    t('Batch', '批大小'),
    t('Pictures per step; more needs more memory.', '每步训练的图片数；越大越占显存。'),
  ),
  epochs: int(
    10,
    { min: 1, max: 10_000 },
    'optimizer',
    t('Epochs', '轮数'),
    t('Passes over the whole set.', '完整遍历训练集的次数。'),
  ),
  max_train_steps: int(
    0,
    { min: 0, max: 10_000_000, unit: 'steps' },
    'optimizer',
    t('Steps instead of epochs', '按步数训练'),
    t(
      'Trains this many steps, whatever the epochs say; 0: as many epochs as are set.',
      '正好训练这么多步，不看轮数；0 表示按轮数训练。',
    ),
  ),
  learning_rate: number(
    1e-4,
    { min: 0, max: 1 },
    'optimizer',
    t('Learning rate', '学习率'),
    t(
      'How far each step goes; the first thing to halve when pictures burn.',
      '每步走多远；画面过火时先把它减半。',
    ),
  ),
  unet_lr: optional(
    rate,
    'optimizer',
    t('U-Net rate', 'U-Net 学习率'),
    t('Learning rate of the U-Net; empty: learning_rate.', 'U-Net 的学习率；留空则用 learning_rate。'),
  ),
  text_encoder_lr: optional(
    rate,
    'optimizer',
    t('Text encoder rate', '文本编码器学习率'),
    t(
      'Learning rate of the text encoder, usually half of the U-Net\u2019s or less; empty: learning_rate.',
      '文本编码器的学习率，通常不超过 U-Net 的一半；留空则用 learning_rate。',
    ),
  ),
  optimizer: choice(
    'adamw',
    ['adamw', 'lion'],
    'optimizer',
    t('Optimizer', '优化器'),
    t(
      'AdamW unless you know why not; Lion wants a rate about five times lower.',
      '一般用 AdamW；Lion 的学习率要低约五倍。',
    ),
  ),
  weight_decay: number(
    0.01,
    { min: 0, max: 10 },
    'optimizer',
    t('Weight decay', '权重衰减'),
    t(
      'Pulls the weights towards zero by this share of the rate in each step.',
      '每步按学习率的这一比例把权重拉向零。',
    ),
  ),
  adam_beta1: number(
    0.9,
    { min: 0, max: 0.99999 },
    'optimizer',
    t('Beta 1', 'Beta 1'),
    t('How slowly the mean of the gradients forgets.', '梯度均值的遗忘速度。'),
  ),
  adam_beta2: number(
    0.999,
    { min: 0, max: 0.9999999 },
    'optimizer',
    t('Beta 2', 'Beta 2'),
    t(
      'How slowly the spread of the gradients forgets; Lion wants 0.99.',
      '梯度方差的遗忘速度；Lion 宜用 0.99。',
    ),
  ),
  adam_eps: number(
    1e-8,
    { min: 1e-16, max: 1 },
    'optimizer',
    t('Epsilon', 'Epsilon'),
    t('Keeps AdamW from dividing by zero.', '防止 AdamW 除以零。'),
  ),
  lr_scheduler: choice(
    'cosine',
    ['constant', 'linear', 'cosine', 'cosine_with_restarts', 'polynomial'],
    'optimizer',
    t('Schedule', '学习率曲线'),
    t('How the rate falls towards the end.', '学习率如何下降。'),
  ),
  lr_warmup_steps: number(
    0,
    { min: 0, max: 1_000_000 },
    'optimizer',
    t('Warm-up', '预热'),
    t(
      'Steps from zero up to the full rate; below 1 it is a share of all steps.',
      '学习率从零升到最大所用的步数；小于 1 表示占总步数的比例。',
    ),
  ),
  lr_scheduler_num_cycles: int(
    1,
    { min: 1, max: 1000 },
    'optimizer',
    t('Restarts', '重启次数'),
    t('How often cosine_with_restarts falls.', 'cosine_with_restarts 下降的次数。'),
  ),
  lr_scheduler_power: number(
    1,
    { min: 0.01, max: 100 },
    'optimizer',
    t('Power', '幂次'),
    t('The exponent of the polynomial schedule; 1 is a straight line.', 'polynomial 曲线的指数；1 为直线。'),
  ),
  gradient_accumulation_steps: int(
    1,
    { min: 1, max: 1024 },
    'optimizer',
    t('Accumulate', '梯度累积'),
    t(
      'Batches that make one step: a larger batch without more memory.',
      '几个批次合为一步：不占更多显存的大批次。',
    ),
  ),
  max_grad_norm: number(
    1,
    { min: 0, max: 1e6 },
    'optimizer',
    t('Clip gradients at', '梯度裁剪'),
    t('Longest gradient that is let through; 0: no limit.', '允许的最大梯度长度；0 表示不限。'),
  ),
  mixed_precision: choice(
    'auto',
    ['auto', 'fp16', 'fp32'],
    'optimizer',
    t('Precision', '计算精度'),
    t(
      'Arithmetic on the GPU: auto takes fp16 where the GPU has it, and stores what the U-Net computes on its way as halves on every GPU; fp32 does neither, and takes more memory. The base model’s weights are stored as halves at most: an F32 one is rounded, which changes its outputs by about 0.1 %.',
      'GPU 上的计算精度：auto 会在支持时使用 fp16，并且在任何 GPU 上都以半精度存放 U-Net 的中间结果；fp32 两者都不用，占用更多显存。底模权重至多以半精度存放：F32 底模会被舍入，输出约有 0.1 % 的差别。',
    ),
  ),
  base_precision: choice(
    'fp16',
    ['fp16', 'int8', 'nf4'],
    'optimizer',
    t('Base model in memory', '底模存放精度'),
    t(
      'How the U-Net’s frozen weights lie in GPU memory while training: int8 takes half of fp16, with nearly the same gradients; nf4 takes a quarter for its matrices, but is experimental, as its error steers the training where noise dominates. The LoRA is for the fp16 model in any case.',
      '训练时 U-Net 冻结权重在显存中的存放方式：int8 只占 fp16 的一半，梯度几乎不变；nf4 的矩阵只占四分之一，但属实验性，因为在噪声占主导时它的误差会左右训练。训练出的 LoRA 始终用于 fp16 底模。',
    ),
  ),
  tune_gpu: toggle(
    true,
    'optimizer',
    t('Measure the GPU', '测量显卡'),
    t(
      'Before its first run on a graphics card, measures for a second which arithmetic and which cut of the work are fastest there. Off: the same for every card. A resumed run keeps what it began with.',
      '首次在某张显卡上训练前，用约一秒钟测出最快的算法与任务划分。关闭后所有显卡都用同样的方式。继续训练时沿用开始时的选择。',
    ),
  ),
  memory_budget_gb: number(
    0,
    { min: 0, max: 1024, unit: 'GB' },
    'optimizer',
    t('Memory budget', '显存预算'),
    t(
      'GPU memory to stay within, by computing parts twice; 0: decide for me.',
      '通过重算控制显存占用的上限；0 表示自动。',
    ),
  ),
  seed: int(
    42,
    { min: 0, max: 4_294_967_295 },
    'optimizer',
    t('Seed', '随机种子'),
    t('Same seed, same settings, same file.', '种子和设置相同，结果文件就相同。'),
  ),

  resolution: int(
    512,
    { min: 64, max: 2048, step: 64, unit: 'px' },
    'pictures',
    t('Resolution', '分辨率'),
    t(
      'Side of the square whose area every picture is scaled to; SD 1.5 learned at 512, SD 2.x at 512 or 768, SDXL at 1024.',
      '图片缩放到的面积所对应的边长；SD 1.5 以 512 训练，SD 2.x 以 512 或 768 训练，SDXL 以 1024 训练。',
    ),
  ),
  enable_bucket: toggle(
    true,
    'pictures',
    t('Keep aspect ratios', '保持长宽比'),
    t('Sorts pictures into shapes instead of cutting squares.', '按长宽比分桶，而不是裁成正方形。'),
  ),
  min_bucket_reso: int(
    256,
    { min: 64, max: 2048, step: 32, unit: 'px' },
    'pictures',
    t('Shortest side', '最短边'),
    t('Shortest side of a bucket; a multiple of the bucket steps.', '分桶的最短边；须为分桶步长的倍数。'),
  ),
  max_bucket_reso: int(
    1024,
    { min: 64, max: 4096, step: 32, unit: 'px' },
    'pictures',
    t('Longest side', '最长边'),
    t('Longest side of a bucket; a multiple of the bucket steps.', '分桶的最长边；须为分桶步长的倍数。'),
  ),
  bucket_reso_steps: int(
    64,
    // A U-Net halves its latents, an eighth of the picture, three times; SDXL's two times.
    { min: 32, max: 512, step: 32, unit: 'px' },
    'pictures',
    t('Bucket steps', '分桶步长'),
    t(
      'Sides of buckets are multiples of this: a multiple of 64, with SDXL also of 32. Finer steps cut less away, and make more sizes.',
      '分桶边长是它的整数倍：须为 64 的倍数，SDXL 也可以是 32 的倍数。步长越小，裁掉的越少，尺寸也越多。',
    ),
  ),
  bucket_no_upscale: toggle(
    false,
    'pictures',
    t('Never enlarge', '不放大'),
    t(
      'Leaves small pictures at their own size; the two limits above then do not count.',
      '小图保持原尺寸；此时忽略上面的最短边和最长边。',
    ),
  ),
  num_repeats: int(
    1,
    { min: 1, max: 10_000 },
    'pictures',
    t('Repeats', '重复次数'),
    t('How often each picture is seen in one epoch.', '每轮中每张图片出现的次数。'),
  ),
  flip_aug: toggle(
    false,
    'pictures',
    t('Mirror at random', '随机镜像'),
    t(
      'Doubles the pictures by mirroring; not for faces, text or anything with a left and a right.',
      '用镜像增加图片；不适合人脸、文字等左右有别的内容。',
    ),
  ),

  shuffle_caption: toggle(
    false,
    'captions',
    t('Shuffle tags', '打乱标签'),
    t(
      'A new order of the comma-separated tags each time, after the kept ones.',
      '每次打乱逗号分隔的标签，保留的除外。',
    ),
  ),
  keep_tokens: int(
    0,
    { min: 0, max: 225 },
    'captions',
    t('Keep first', '保留前几个'),
    t('Tags at the front that stay there, such as the trigger word.', '固定在最前面的标签数，例如触发词。'),
  ),
  keep_tokens_separator: text(
    '',
    'captions',
    t('Keep up to', '保留分隔符'),
    t(
      'A mark such as ||| inside captions: the tags in front of it stay there, and so do those behind a second one. It counts instead of keep_tokens.',
      '标注中的分隔符，例如 |||：其前的标签固定不动，第二个分隔符之后的标签也固定。有分隔符时不看“保留前几个”。',
    ),
  ),
  caption_dropout_rate: number(
    0,
    rate,
    'captions',
    t('Leave captions out', '丢弃标注'),
    t('Share of samples that are trained without their caption.', '不带标注训练的样本比例。'),
  ),
  caption_dropout_every_n_epochs: int(
    0,
    { min: 0, max: 10_000 },
    'captions',
    t('Leave all captions out every', '每隔几轮丢弃全部标注'),
    t(
      'Every so many epochs one is trained without any caption; 0: none.',
      '每隔这么多轮就有一轮完全不带标注训练；0 表示没有。',
    ),
  ),
  caption_tag_dropout_rate: number(
    0,
    rate,
    'captions',
    t('Leave tags out', '丢弃标签'),
    t(
      'Share of the comma-separated tags that are left out each time, except the kept ones.',
      '每次随机丢弃的逗号分隔标签比例，保留的标签除外。',
    ),
  ),
  caption_prefix: text(
    '',
    'captions',
    t('In front of every caption', '标注前缀'),
    t(
      'Put in front of every caption with a space between, such as "zk,".',
      '加在每条标注前面（中间空一格），例如 "zk,"。',
    ),
  ),
  caption_suffix: text(
    '',
    'captions',
    t('Behind every caption', '标注后缀'),
    t('Put behind every caption with a space between.', '加在每条标注后面（中间空一格）。'),
  ),
  max_token_length: choice(
    75,
    [75, 150, 225],
    'captions',
    t('Longest caption', '标注长度上限'),
    t(
      'Tokens of a caption that are read; the rest is cut off.',
      '读取标注的最大 token 数，超出部分会被截掉。',
    ),
  ),
  clip_skip: int(
    1,
    { min: 1, max: 12 },
    'captions',
    t('Clip skip', 'Clip skip'),
    t(
      '1 reads the last layer of the text encoder; anime models usually want 2.',
      '1 表示取文本编码器最后一层；动漫模型一般用 2。',
    ),
  ),

  v_parameterization: toggle(
    false,
    'noise',
    t('v-prediction', 'v 预测'),
    t(
      'For base models that were trained to predict v: SD 2.x at 768 and NoobAI v-pred. SD 1.x and SDXL were not.',
      '用于以 v 预测训练的底模：SD 2.x 的 768 版和 NoobAI v-pred 需要；SD 1.x 和 SDXL 不需要。',
    ),
  ),
  zero_terminal_snr: toggle(
    false,
    'noise',
    t('Zero terminal SNR', '零终端信噪比'),
    t(
      'The last timestep is noise alone, for base models trained so; together with v-prediction.',
      '最后一个时间步只有噪声，用于以此训练的底模；须与 v 预测一起使用。',
    ),
  ),
  min_snr_gamma: number(
    0,
    { min: 0, max: 100 },
    'noise',
    t('Min-SNR gamma', 'Min-SNR gamma'),
    t(
      'Evens out easy and hard noise levels; 5 is usual, 0 is off.',
      '平衡难易不同的噪声级；常用 5，0 为关闭。',
    ),
  ),
  noise_offset: number(
    0,
    { min: 0, max: 1 },
    'noise',
    t('Noise offset', '噪声偏移'),
    t(
      'Lets the model reach darker darks and lighter lights; 0.05 is usual, 0 is off.',
      '让画面能更暗或更亮；常用 0.05，0 为关闭。',
    ),
  ),
  adaptive_noise_scale: number(
    0,
    { min: -10, max: 10 },
    'noise',
    t('Adaptive noise offset', '自适应噪声偏移'),
    t(
      'Raises the noise offset by this times the mean of the picture\u2019s latents; counts only where there is a noise offset.',
      '按图片潜变量均值的这一倍数增大噪声偏移；仅在启用噪声偏移时有效。',
    ),
  ),
  debiased_estimation_loss: toggle(
    false,
    'noise',
    t('Debiased estimation', '去偏估计损失'),
    t(
      'Weighs the loss by 1 ÷ √SNR, which stresses high noise levels.',
      '以 1 ÷ √SNR 为损失加权，更重视高噪声级。',
    ),
  ),

  save_steps: int(
    500,
    { min: 0, max: 1_000_000, unit: 'steps' },
    'saving',
    t('Checkpoint every', '检查点间隔'),
    t(
      'Steps between checkpoints, which can be resumed exactly; 0: only at the end.',
      '每隔多少步保存一个可精确恢复的检查点；0 表示只在结束时保存。',
    ),
  ),
  save_every_n_epochs: int(
    0,
    { min: 0, max: 10_000 },
    'saving',
    t('Checkpoint every, in epochs', '检查点间隔（轮）'),
    t(
      'Epochs between checkpoints, besides those of save_steps; 0: only those.',
      '每隔多少轮保存一个检查点，与 save_steps 并行；0 表示只按步数。',
    ),
  ),
  keep_last_n: int(
    0,
    { min: 0, max: 10_000 },
    'saving',
    t('Keep the last', '保留最近几个'),
    t(
      'How many of this run\u2019s checkpoints are kept; older ones are deleted; 0: all of them.',
      '保留本次训练最近的几个检查点，更早的会删除；0 表示全部保留。',
    ),
  ),
  save_precision: choice(
    'fp16',
    ['fp16', 'bf16', 'float'],
    'saving',
    t('File precision', '文件精度'),
    t(
      'How numbers are stored in the LoRA; fp16 halves the file and loses nothing visible.',
      'LoRA 文件里的数值精度；fp16 文件减半且看不出差别。',
    ),
  ),

  sample_prompts: {
    kind: 'texts',
    default: [],
    ...common([
      'samples',
      t('Prompts', '提示词'),
      t(
        'What to paint as previews while training; empty: no previews. A line may end in --n, --w, --h, --d, --s and --l, as in sd-scripts: negative prompt, width, height, seed, steps, guidance.',
        '训练中用来生成预览图的提示词；留空则不生成。行末可加 --n、--w、--h、--d、--s、--l（同 sd-scripts）：反向提示词、宽、高、种子、步数、引导强度。',
      ),
    ]),
  },
  sample_negative_prompt: text(
    '',
    'samples',
    t('Negative prompt', '反向提示词'),
    t('What the previews should not show.', '预览图里不想出现的内容。'),
  ),
  sample_every_n_steps: int(
    250,
    { min: 0, max: 1_000_000, unit: 'steps' },
    'samples',
    t('Sample every', '预览间隔'),
    t('Steps between previews; 0: none.', '每隔多少步生成预览图；0 表示不生成。'),
  ),
  sample_every_n_epochs: int(
    0,
    { min: 0, max: 10_000 },
    'samples',
    t('Sample every, in epochs', '预览间隔（轮）'),
    t(
      'Epochs between previews, besides those of sample_every_n_steps; 0: only those.',
      '每隔多少轮生成预览图，与 sample_every_n_steps 并行；0 表示只按步数。',
    ),
  ),
  sample_sampler: choice(
    'ddim',
    ['ddim', 'euler', 'dpmpp_2m'],
    'samples',
    t('Sampler', '采样器'),
    t('How previews are denoised.', '预览图的采样方法。'),
  ),
  sample_steps: int(
    20,
    { min: 1, max: 1000, unit: 'steps' },
    'samples',
    t('Sampling steps', '采样步数'),
    t('Steps of denoising in a preview.', '预览图的去噪步数。'),
  ),
  sample_cfg_scale: number(
    7.5,
    { min: 1, max: 30 },
    'samples',
    t('Guidance', '引导强度'),
    t('How closely previews follow their prompt.', '预览图贴合提示词的程度。'),
  ),
  sample_seed: int(
    42,
    { min: 0, max: 4_294_967_295 },
    'samples',
    t('Sampling seed', '预览种子'),
    t('Seed of the previews, so that they differ by training alone.', '预览图的随机种子，使变化只来自训练。'),
  ),
} as const satisfies Readonly<Record<string, Field>>;

export type FieldName = keyof typeof configFields;

type ValueOf<F> = F extends { readonly kind: 'choice'; readonly choices: readonly (infer T)[] }
  ? T
  : F extends { readonly kind: 'int' | 'number' }
    ? number
    : F extends { readonly kind: 'optional-number' }
      ? number | null
      : F extends { readonly kind: 'switch' }
        ? boolean
        : F extends { readonly kind: 'texts' }
          ? readonly string[]
          : F extends { readonly kind: 'switch-or-path' }
            ? boolean | string
            : string;

/** A complete, checked configuration. */
export type TrainConfig = { readonly [K in FieldName]: ValueOf<(typeof configFields)[K]> };

/** The fields as a list; the names are the keys of TrainConfig. */
export const fieldList: readonly { readonly name: string; readonly field: Field }[] = Object.entries(
  configFields,
).map(([name, field]) => ({ name, field }));

/** What a file of settings may leave to the base model: sizes its family learned at, and what it says of itself. */
export const fieldsOfBase = [
  'resolution',
  'max_bucket_reso',
  'v_parameterization',
  'zero_terminal_snr',
] as const satisfies readonly FieldName[];

/** Whether this is a field's name. */
export function isFieldName(name: string): name is FieldName {
  return Object.hasOwn(configFields, name);
}

/** What other trainers call our fields, for the hint beside "unknown field". */
export const otherNames: ReadonlyMap<string, FieldName> = new Map<string, FieldName>([
  ['network_dim', 'lora_rank'],
  ['rank', 'lora_rank'],
  ['network_alpha', 'lora_alpha'],
  ['alpha', 'lora_alpha'],
  ['network_dropout', 'lora_dropout'],
  ['network_weights', 'pretrained_lora'],
  ['pretrained_model_name_or_path', 'base_model'],
  ['pretrained_model', 'base_model'],
  ['model', 'base_model'],
  ['train_batch_size', 'batch_size'],
  ['max_train_epochs', 'epochs'],
  ['num_train_epochs', 'epochs'],
  ['num_epochs', 'epochs'],
  ['lr', 'learning_rate'],
  ['optimizer_type', 'optimizer'],
  ['save_every_n_steps', 'save_steps'],
  ['checkpointing_steps', 'save_steps'],
  ['steps', 'max_train_steps'],
  ['snr_gamma', 'min_snr_gamma'],
  ['image_dir', 'train_data_dir'],
  ['data_dir', 'train_data_dir'],
  ['caption_file', 'metadata_path'],
  ['repeats', 'num_repeats'],
]);

/** A field that names a file or folder, or resumes from one: it belongs to the trainer without a page. */
export function isPlace(field: Field): boolean {
  return field.kind === 'switch-or-path' || (field.kind === 'text' && field.path);
}
