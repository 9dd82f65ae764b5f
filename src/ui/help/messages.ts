/** Words of the help screen around its questions and its glossary. */
import type { Localized } from '../../formats/config/language';
const en = {
  title: 'Help',
  what: 'What is a LoRA?',
  whatText:
    'A LoRA is a small file that teaches an image model one new thing, such as a style, a character or an object, from your own pictures. The model itself stays as it is: you switch the LoRA on when you want it, at the strength you want.',
  how: 'From pictures to a LoRA',
  steps: [
    'Add your pictures, and choose a base model.',
    'Give each picture a caption, and all of them a trigger word.',
    'Choose a preset: style, character or object. The rest can stay as it is.',
    'Start training, and watch the samples.',
    'Compare the checkpoints in Results, and download the one you like best.',
  ],
  questions: 'Questions',
  glossary: 'Glossary',
};

const zh: typeof en = {
  title: '帮助',
  what: 'LoRA 是什么？',
  whatText:
    'LoRA 是一个小文件，用你自己的图片教会图像模型一样新东西，例如一种画风、一个角色或一件物体。模型本身保持不变：需要时加载 LoRA，强度由你决定。',
  how: '从图片到 LoRA',
  steps: [
    '添加图片，选择底模。',
    '为每张图片写标注，并为整组图片设一个触发词。',
    '选择预设：画风、角色或物体。其余可以不动。',
    '开始训练，观察样图。',
    '在“结果”中比较各检查点，下载最满意的一个。',
  ],
  questions: '常见问题',
  glossary: '术语表',
};

export const messages: Localized<typeof en> = { en, zh };
