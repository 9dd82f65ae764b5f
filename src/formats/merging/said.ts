// Of a LoRA's metadata what is worth showing to a person, and what it is called.
import type { Localized } from '../config/language';

export interface Said {
  readonly label: Localized;
  readonly value: string;
}

const SHOWN: readonly (readonly [key: string, label: Localized])[] = [
  ['modelspec.title', { en: 'title', zh: '标题' }],
  ['ss_output_name', { en: 'name', zh: '名称' }],
  ['ss_sd_model_name', { en: 'base model', zh: '底模' }],
  ['ss_base_model_version', { en: 'kind of base model', zh: '底模类型' }],
  ['modelspec.architecture', { en: 'architecture', zh: '架构' }],
  ['modelspec.trigger_phrase', { en: 'trigger', zh: '触发词' }],
  ['modelspec.merged_from', { en: 'merged from', zh: '合并自' }],
  ['ss_base_precision', { en: 'base model while training', zh: '训练时底模的存放' }],
  ['ss_resolution', { en: 'resolution', zh: '分辨率' }],
  ['ss_steps', { en: 'steps', zh: '步数' }],
  ['ss_epoch', { en: 'epochs', zh: '轮数' }],
  ['ss_num_train_images', { en: 'images (with repeats)', zh: '图片（含重复）' }],
  ['ss_optimizer', { en: 'optimizer', zh: '优化器' }],
  ['ss_learning_rate', { en: 'learning rate', zh: '学习率' }],
  ['ss_unet_lr', { en: 'learning rate of the U-Net', zh: 'U-Net 学习率' }],
  ['ss_text_encoder_lr', { en: 'learning rate of the text encoder', zh: '文本编码器学习率' }],
  ['ss_lr_scheduler', { en: 'scheduler', zh: '学习率调度' }],
  ['ss_network_dim', { en: 'rank by its metadata', zh: '元数据中的秩' }],
  ['ss_network_alpha', { en: 'alpha by its metadata', zh: '元数据中的 alpha' }],
  ['ss_training_comment', { en: 'comment', zh: '备注' }],
  ['sshs_model_hash', { en: 'hash', zh: '哈希' }],
];
/** No file makes a page or a terminal long. */
const LONGEST = 300;

/** In order of interest. Control characters are gone: what a file says must not move a terminal's cursor. */
export function saidIn(metadata: Readonly<Record<string, string>>): Said[] {
  return SHOWN.flatMap(([key, label]) =>
    Object.hasOwn(metadata, key) && metadata[key] !== '' ? [{ label, value: oneLine(metadata[key]) }] : [],
  );
}

export function oneLine(text: string): string {
  return text.replace(/\p{C}+/gu, ' ').slice(0, LONGEST);
}
