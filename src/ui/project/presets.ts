/**
 * The three presets: what they change of the defaults, and why, in a sentence that stands beside the field. `pictures`
 * is how many pictures training shows at each stop of the quick-to-thorough slider, repeats counted, whatever the
 * size of the set or of the batch: what people with good results report, at rates like these.
 */
import type { Localized } from '../../formats/config/language';
import type { FieldName, TrainConfig } from '../../formats/config/config_fields';
import type { Purpose } from '../../protocol/captioner';

/** A value and its reason. */
export interface Chosen<V> {
  readonly value: V;
  readonly because: Localized;
}

export interface Preset {
  readonly values: { readonly [N in FieldName]?: Chosen<TrainConfig[N]> };
  readonly pictures: readonly [number, number, number, number, number];
}

/** `because` stands beside the field. */
export const chosen = <V>(value: V, en: string, zh: string): Chosen<V> => ({ value, because: { en, zh } });

const common = {
  lr_warmup_steps: chosen(
    0.05,
    'A gentle start: the first steps know least.',
    '平缓起步：最初几步掌握的信息最少。',
  ),
  min_snr_gamma: chosen(5, 'Learns shapes and details at an even pace.', '让轮廓和细节以均衡的速度学习。'),
  shuffle_caption: chosen(
    true,
    'No tag gets its meaning from its place in the line.',
    '避免标签的含义依赖它在句中的位置。',
  ),
  keep_tokens: chosen(1, 'The trigger word stays in front.', '触发词始终放在最前面。'),
} as const satisfies Preset['values'];

export const presets: Readonly<Record<Purpose, Preset>> = {
  character: {
    values: {
      ...common,
      lora_rank: chosen(16, 'Face, hair and clothes take some room.', '脸、头发和服装需要一定容量。'),
      lora_alpha: chosen(8, 'Half the rank keeps the change in check.', '取秩的一半，改变更稳。'),
      train_text_encoder: chosen(
        true,
        'A new name has to be learned as a word, too.',
        '新名字也要作为词语来学。',
      ),
      text_encoder_lr: chosen(
        5e-5,
        'Half the U-Net’s, so that other words keep their meaning.',
        '取 U-Net 的一半，免得影响其他词语。',
      ),
    },
    pictures: [1200, 1800, 2400, 3600, 4800],
  },
  style: {
    values: {
      ...common,
      lora_rank: chosen(16, 'Room for texture, not for subjects.', '够学笔触质感，又不至于记住画面内容。'),
      lora_alpha: chosen(8, 'Half the rank keeps the change in check.', '取秩的一半，改变更稳。'),
      caption_dropout_rate: chosen(
        0.05,
        'A few pictures without words let the style show unprompted.',
        '少量不带标注的图片，让画风不靠提示词也能显现。',
      ),
    },
    pictures: [1600, 2400, 3200, 4800, 6400],
  },
  object: {
    values: {
      ...common,
      lora_rank: chosen(8, 'One thing is soon described.', '单个物品不需要太多容量。'),
      lora_alpha: chosen(4, 'Half the rank keeps the change in check.', '取秩的一半，改变更稳。'),
      train_text_encoder: chosen(
        true,
        'A new name has to be learned as a word, too.',
        '新名字也要作为词语来学。',
      ),
      text_encoder_lr: chosen(
        5e-5,
        'Half the U-Net’s, so that other words keep their meaning.',
        '取 U-Net 的一半，免得影响其他词语。',
      ),
    },
    pictures: [1000, 1500, 2000, 3000, 4000],
  },
};

/** The demo's base model is small: it learned at 128 px, learns in larger steps and needs fewer of them. */
export const demoValues = {
  resolution: chosen(128, 'The demo model learned at 128.', '演示底模以 128 训练。'),
  min_bucket_reso: chosen(64, 'Half of what the demo model learned at.', '演示底模训练尺寸的一半。'),
  max_bucket_reso: chosen(256, 'Twice what the demo model learned at.', '演示底模训练尺寸的两倍。'),
  learning_rate: chosen(1.5e-3, 'A small model takes larger steps.', '小模型可以用更大的学习率。'),
  text_encoder_lr: chosen(3e-4, 'A small model takes larger steps.', '小模型可以用更大的学习率。'),
  sample_cfg_scale: chosen(4, 'The demo model draws cleanest at 4.', '演示底模在 4 时画得最干净。'),
} as const satisfies Preset['values'];

export const demoShare = 0.5;
