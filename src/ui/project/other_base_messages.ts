/** What is said of settings, from a link or a file, that were made for another kind of base model. */
import type { Localized } from '../../formats/config/language';
import { plainFacts } from '../../formats/families/plain';
import { inLanguage } from '../language.svelte';
import type { MadeFor } from './unsuited';

interface Words {
  readonly title: string;
  readonly text: string;
}

const en = {
  demo: {
    title: 'The settings were made for the demo model.',
    text: 'Their learning rates and picture sizes would ruin a run on the model you train. They are not ticked.',
  },
  own: {
    title: 'The settings were made for a full-size model, such as Stable Diffusion 1.5.',
    text: 'Their learning rates and picture sizes do not suit the demo model, which is small. They are not ticked.',
  },
  family: (title: string): Words => ({
    title: `The settings were made for ${title}.`,
    text: 'Their learning rates and picture sizes do not suit the model you train. They are not ticked.',
  }),
};

const zh: typeof en = {
  demo: {
    title: '这些设置是为演示底模准备的。',
    text: '其中的学习率和图片尺寸会毁掉你的底模上的训练，因此没有勾选。',
  },
  own: {
    title: '这些设置是为 Stable Diffusion 1.5 等完整底模准备的。',
    text: '演示底模很小，其中的学习率和图片尺寸对它不合适，因此没有勾选。',
  },
  family: (title) => ({
    title: `这些设置是为 ${title} 准备的。`,
    text: '其中的学习率和图片尺寸不适合你的底模，因此没有勾选。',
  }),
};

const messages: Localized<typeof en> = { en, zh };

/** In the person's language. */
export function otherBaseWords(other: MadeFor): Words {
  const m = inLanguage(messages);
  return other === 'demo' || other === 'own' ? m[other] : m.family(inLanguage(plainFacts[other].title));
}
