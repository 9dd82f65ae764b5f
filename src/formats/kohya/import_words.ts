// What an import says to a person, in both languages: which program, why a name was changed or left out, and what is said
// first. The page and the command line read the same table.
import type { Localized } from '../config/language';
import type { ChangeReason, ImportWarning, LeftReason, WarningCode } from './import_ledger';
import type { Program } from './import_settings';

const t = (en: string, zh: string): Localized => ({ en, zh });

export const programs: Readonly<Record<Program, Localized>> = {
  studio: t('Settings of this studio', '本工具的参数'),
  kohya_ss: t('Settings of kohya_ss (JSON)', 'kohya_ss 的参数（JSON）'),
  'sd-scripts': t('Settings of sd-scripts', 'sd-scripts 的参数'),
  'sd-scripts-dataset': t('A data set file of sd-scripts', 'sd-scripts 的数据集文件'),
  'sd-scripts-command': t('A command line of sd-scripts', 'sd-scripts 的命令行'),
  'lora-scripts': t('Settings of lora-scripts', 'lora-scripts（秋叶）的参数'),
  onetrainer: t('Settings of OneTrainer', 'OneTrainer 的参数'),
  'onetrainer-concepts': t('Concepts of OneTrainer', 'OneTrainer 的概念文件'),
  'ai-toolkit': t('Settings of ai-toolkit', 'ai-toolkit 的参数'),
  lora: t(
    'Metadata of a LoRA that sd-scripts or this studio trained',
    '由 sd-scripts 或本工具训练的 LoRA 的元数据',
  ),
  'lora-onetrainer': t('Metadata of a LoRA that OneTrainer trained', '由 OneTrainer 训练的 LoRA 的元数据'),
};

export const changeReasons: Readonly<Record<ChangeReason, Localized>> = {
  nearest: t('outside of what is possible here: the nearest', '超出这里的范围，取最接近的值'),
  strength: t('changed with the rank, so that alpha ÷ rank stays', '随秩一起调整，使 alpha ÷ rank 不变'),
  'alpha-zero': t('0 means the same as the rank there', '那里 0 表示与秩相同'),
  'full-state': t('its state is kept at full precision here', '优化器状态在这里以全精度保存'),
  area: t('a square with the same area', '面积相同的正方形'),
  half: t('WebGPU has no bf16: half precision where the GPU has it', 'WebGPU 没有 bf16：GPU 支持时用半精度'),
  comma: t('the comma is read as a decimal point', '逗号按小数点读取'),
  first: t('only the first of several values', '多个值中只取第一个'),
  adam: t('AdamW without weight decay, which is Adam', '权重衰减为 0 的 AdamW，即 Adam'),
  'kept-saves': t('as a number of checkpoints', '换算为检查点个数'),
  'eight-bits': t(
    'approximated: int8, with a scale for every 64 weights, and of the U-Net alone',
    '近似：用 int8，每 64 个权重一个比例，且只用于 U-Net',
  ),
};

export const leftReasons: Readonly<Record<LeftReason, Localized>> = {
  unsupported: t('Not possible here, and it would change the result', '这里做不到，且会改变结果'),
  optimizer: t('Belongs to an optimizer that is not here', '属于这里没有的优化器'),
  rate: t('Too high a learning rate for this optimizer', '对此优化器来说学习率过高'),
  family: t('Belongs to another family of base models', '属于其他系列的底模'),
  base: t('The base model itself says it here', '在这里由底模本身决定'),
  adapter: t('Belongs to another kind of adapter than a plain LoRA', '属于普通 LoRA 以外的适配器'),
  loss: t('Belongs to another loss', '属于其他损失函数'),
  samples: t('Not here; only samples look different', '这里没有；只影响预览图'),
  regularization: t('Regularisation pictures are not used here', '这里不使用正则化图片'),
  invalid: t('Cannot be used', '无法使用'),
  trigger: t(
    'Words for pictures without a caption: write them as the trigger word or into captions',
    '没有标注的图片所用的词：请写成触发词或写进标注',
  ),
  'other-set': t('Of another set of pictures; only the first counts', '属于另一组图片；只采用第一组'),
  instead: t('Another setting of this file counts instead', '以文件中的另一项参数为准'),
  place: t('A file or folder of the other computer', '另一台电脑上的文件或文件夹'),
  private: t('A key or password, not read', '密钥或密码，未读取'),
  record: t('Tells how that run went, sets nothing', '只是那次训练的记录，不是参数'),
  moot: t('Changes nothing of what is learned here', '不影响这里的训练结果'),
  off: t('Off there, or as it is here anyway', '那里未启用，或与这里本来一致'),
  unknown: t('Not known here', '这里没有这一项'),
};

const warnings: Readonly<Record<WarningCode, (name: string) => Localized>> = {
  optimizer: (name) =>
    t(
      `The optimizer is ${name}, which is not here. Its learning rates and arguments are not taken: with another optimizer they ruin a LoRA.`,
      `优化器是 ${name}，这里没有。它的学习率和参数都不采用：换一种优化器会毁掉 LoRA。`,
    ),
  rate: (name) =>
    t(`${name} is too high a learning rate and is not taken.`, `${name} 作为学习率过高，不采用。`),
  family: (name) =>
    t(
      `These settings are for ${name}. This studio trains Stable Diffusion 1.x, 2.x and SDXL, which want other settings.`,
      `这些参数用于 ${name}。本工具训练的是 Stable Diffusion 1.x、2.x 和 SDXL，所需参数不同。`,
    ),
  'for-base': (name) =>
    t(
      `These settings are for ${name}: use them with a base model of ${name}.`,
      `这些参数用于 ${name}：请配合 ${name} 底模使用。`,
    ),
  method: (name) => t(`This is ${name}, no training of a LoRA.`, `这是 ${name}，不是 LoRA 训练。`),
  adapter: (name) =>
    t(
      `The adapter is ${name}. Here a plain LoRA is trained, which learns something else with the same settings.`,
      `适配器是 ${name}。这里训练的是普通 LoRA，同样的参数学到的东西不同。`,
    ),
  loss: (name) =>
    t(
      `The loss is ${name}. Here it is the mean squared error (l2).`,
      `损失函数是 ${name}。这里使用均方误差（l2）。`,
    ),
  precision: (name) =>
    t(
      `The base model is held in ${name} there, here in int8: eight bits too, and finer. With memory to spare, fp16 is better.`,
      `那里底模以 ${name} 存放，这里用 int8：同为 8 位，更精细。显存充足时 fp16 更好。`,
    ),
  regularization: (name) =>
    t(
      `Regularisation pictures (${name}) are not used here. Do not add them to the training pictures.`,
      `这里不使用正则化图片（${name}）。请不要把它们加入训练图片。`,
    ),
  sets: (name) =>
    t(
      `The file names ${name} sets of pictures; the settings of the first are taken.`,
      `文件中有 ${name} 组图片；采用第一组的参数。`,
    ),
  elsewhere: (name) =>
    t(
      `More settings stand in another file (${name}). Import that one too.`,
      `另有参数在别的文件里（${name}），请一并导入。`,
    ),
  unsupported: (name) =>
    t(`Not possible here, and it would change the result: ${name}.`, `这里做不到，且会改变结果：${name}。`),
};

/** Without what warns of another base model than the one at hand; `title`: the English one of its family. */
export function warningsFor(
  warnings: readonly ImportWarning[],
  title: string | undefined,
): readonly ImportWarning[] {
  return warnings.filter(({ code, name }) => code !== 'for-base' || name !== title);
}

export function warningWords({ code, name }: ImportWarning): Localized {
  return warnings[code](name);
}
