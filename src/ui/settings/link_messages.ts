/** Words of the dialog that shows settings from a link; those of any import are in messages.ts. */
import type { Localized } from '../../formats/config/language';

const en = {
  elsewhere: 'This project is open in another tab, so it cannot be changed here.',
  elsewhereText: 'Close the other tab, and this one goes on. Or put the settings into a new project.',
  newProject: 'Put them into a new project',
};

const zh: typeof en = {
  elsewhere: '此项目已在另一个标签页中打开，因此这里不能修改。',
  elsewhereText: '关闭那个标签页后，这里即可继续。也可以把这些设置放进新项目。',
  newProject: '放进新项目',
};

export const linkMessages: Localized<typeof en> = { en, zh };
