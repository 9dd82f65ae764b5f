/** What is said of a set and of a picture: the sentences of captions/warnings and of the marks beneath pictures. */
import { figure, percent, plural, type Localized } from '../../formats/config/language';
import type { Mark } from './marks';

const n = (count: number) => figure(count, 'en');
const times = (count: number) => plural(count, 'picture');

/** `title` says what, `text` what to do about it, if anything. */
export interface Sentence {
  title: string;
  text: string;
}

const en = {
  sentence(mark: Mark): Sentence {
    switch (mark.kind) {
      case 'few':
        return mark.count < 5
          ? {
              title: `Only ${times(mark.count)}.`,
              text: 'You can train, but it will copy them. Ten or more teach.',
            }
          : {
              title: `Only ${times(mark.count)}.`,
              text: `A style needs ${mark.wanted} or more to be more than its pictures.`,
            };
      case 'many':
        return {
          title: `${times(mark.count)} are a lot.`,
          text: 'A LoRA learns more from the best hundred than from all of them.',
        };
      case 'no-trigger':
        return {
          title: 'There is no trigger word.',
          text: 'Give one below the caption, so that your LoRA can be called by name.',
        };
      case 'missing':
        return {
          title: `${times(mark.ids.length)} without a caption.`,
          text: 'What is not named is learned as part of everything.',
        };
      case 'long':
        return {
          title: `${plural(mark.ids.length, 'caption is', 'captions are')} over 75 tokens.`,
          text: 'What comes after weighs less, or is cut.',
        };
      case 'not-english':
        return {
          title: `${plural(mark.ids.length, 'caption is', 'captions are')} not in English.`,
          text: 'The text encoder of SD 1.5 reads English only.',
        };
      case 'same':
        return {
          title: `${times(mark.ids.length)} share one caption.`,
          text: `Say what tells them apart: “${shortened(mark.caption)}”.`,
        };
      case 'conflict':
        return {
          title: `“${mark.words[0]}” beside “${mark.words[1]}” in ${times(mark.ids.length)}.`,
          text: 'Both cannot be true of one picture.',
        };
      case 'mixed':
        return {
          title: `Most are “${mark.words[0]}”, ${times(mark.ids.length)} “${mark.words[1]}”.`,
          text: 'One LoRA learns one look best. Set the others aside.',
        };
      case 'style-named':
        return {
          title: `“${mark.words}” is in ${n(mark.ids.length)} of ${n(mark.of)} captions.`,
          text: 'It names the style, which your trigger word should absorb.',
        };
      case 'constant':
        return {
          title: `“${mark.tag}” is in ${n(mark.ids.length)} of ${n(mark.of)} captions.`,
          text: 'What is always there belongs to the trigger word.',
        };
      case 'cut':
        return { title: `${percent(mark.part)} is lost in the crop.`, text: '' };
      case 'small':
        return { title: `Smaller than the training size, enlarged ${mark.scale.toFixed(1)}×.`, text: '' };
      case 'unusable':
        return { title: 'Too small or too thin to be trained on.', text: '' };
    }
  },
  leaveToTrigger: 'Leave it to the trigger word',
  keep: 'Keep',
  showThem: 'Show',
};

const zh: typeof en = {
  sentence(mark) {
    switch (mark.kind) {
      case 'few':
        return mark.count < 5
          ? { title: `只有 ${mark.count} 张图片。`, text: '可以训练，但只会照搬它们。十张以上才能学到东西。' }
          : { title: `只有 ${mark.count} 张图片。`, text: `学习风格最好有 ${mark.wanted} 张以上。` };
      case 'many':
        return { title: `${n(mark.count)} 张图片偏多。`, text: '挑出最好的一百张，LoRA 学得更好。' };
      case 'no-trigger':
        return { title: '还没有触发词。', text: '请在标注下方填写，以便用它唤起你的 LoRA。' };
      case 'missing':
        return {
          title: `${n(mark.ids.length)} 张图片未打标。`,
          text: '没有写明的内容会被当作共同特征学进去。',
        };
      case 'long':
        return {
          title: `${n(mark.ids.length)} 条标注超过 75 个词元。`,
          text: '超出的部分作用较弱，或被截断。',
        };
      case 'not-english':
        return { title: `${n(mark.ids.length)} 条标注不是英文。`, text: 'SD 1.5 的文本编码器只懂英文。' };
      case 'same':
        return {
          title: `${n(mark.ids.length)} 张图片标注相同。`,
          text: `请写出它们的区别：“${shortened(mark.caption)}”。`,
        };
      case 'conflict':
        return {
          title: `${n(mark.ids.length)} 张图片同时写了“${mark.words[0]}”和“${mark.words[1]}”。`,
          text: '同一张图片不可能两者都对。',
        };
      case 'mixed':
        return {
          title: `多数是“${mark.words[0]}”，另有 ${n(mark.ids.length)} 张是“${mark.words[1]}”。`,
          text: '一个 LoRA 只学一种画面效果最好，请搁置其余的。',
        };
      case 'style-named':
        return {
          title: `${n(mark.of)} 条标注中有 ${n(mark.ids.length)} 条写了“${mark.words}”。`,
          text: '它说的是风格本身，应交给触发词。',
        };
      case 'constant':
        return {
          title: `${n(mark.of)} 条标注中有 ${n(mark.ids.length)} 条写了“${mark.tag}”。`,
          text: '总是出现的内容应交给触发词。',
        };
      case 'cut':
        return { title: `裁剪损失 ${percent(mark.part)}。`, text: '' };
      case 'small':
        return { title: `小于训练尺寸，放大 ${mark.scale.toFixed(1)} 倍。`, text: '' };
      case 'unusable':
        return { title: '太小或太窄，无法用于训练。', text: '' };
    }
  },
  leaveToTrigger: '交给触发词',
  keep: '保留',
  showThem: '查看',
};

export const warningMessages: Localized<typeof en> = { en, zh };

function shortened(caption: string): string {
  return caption.length > 60 ? `${caption.slice(0, 59)}…` : caption;
}
