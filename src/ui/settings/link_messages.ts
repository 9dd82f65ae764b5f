/** Words of the dialog that shows settings from a link; those of any import are in messages.ts. */
import type { Localized } from '../../formats/config/language';
import type { LinkBase } from '../../formats/config/share_link';

const en = {
  elsewhere: 'This project is open in another tab, so it cannot be changed here.',
  elsewhereText: 'Close the other tab, and this one goes on. Or put the settings into a new project.',
  newProject: 'Put them into a new project',
  otherBase: {
    demo: 'The link was made for the demo model.',
    own: 'The link was made for a full-size model, such as Stable Diffusion 1.5.',
  } satisfies Record<LinkBase, string>,
  otherBaseText: {
    demo: 'Its learning rates and picture sizes would ruin a run on the model you train. They are not ticked.',
    own: 'Its learning rates and picture sizes do not suit the demo model, which is small. They are not ticked.',
  } satisfies Record<LinkBase, string>,
};

const zh: typeof en = {
  elsewhere: '此项目已在另一个标签页中打开，因此这里不能修改。',
  elsewhereText: '关闭那个标签页后，这里即可继续。也可以把这些设置放进新项目。',
  newProject: '放进新项目',
  otherBase: {
    demo: '此链接是为演示底模制作的。',
    own: '此链接是为 Stable Diffusion 1.5 等完整底模制作的。',
  },
  otherBaseText: {
    demo: '其中的学习率和图片尺寸会毁掉你的底模上的训练，因此没有勾选。',
    own: '演示底模很小，其中的学习率和图片尺寸对它不合适，因此没有勾选。',
  },
};

export const linkMessages: Localized<typeof en> = { en, zh };
