/** Words of the choice what an SDXL base model was trained from. */
import type { Lineage, ModelMarks } from '../../formats/families/family_facts';
import type { Localized } from '../../formats/config/language';

const en = {
  title: 'Base model from',
  none: 'SDXL',
  names: { pony: 'Pony', illustrious: 'Illustrious', noobai: 'NoobAI' } satisfies Record<Lineage, string>,
  note: 'Each wants other samples. Values that follow from it say so beside the field.',
  says: ({ prediction, zeroTerminalSnr }: ModelMarks) =>
    [
      ...(prediction === 'v' ? ['The checkpoint says that it predicts v.'] : []),
      ...(prediction === 'epsilon' ? ['The checkpoint says that it predicts noise.'] : []),
      ...(zeroTerminalSnr ? ['It was trained with zero terminal SNR.'] : []),
    ].join(' '),
};

const zh: typeof en = {
  title: '底模来源',
  none: 'SDXL',
  names: { pony: 'Pony', illustrious: 'Illustrious', noobai: 'NoobAI' },
  note: '不同来源的预览设置不同。由此而来的值会在参数旁注明。',
  says: ({ prediction, zeroTerminalSnr }) =>
    [
      ...(prediction === 'v' ? ['该底模标明以 v 预测训练。'] : []),
      ...(prediction === 'epsilon' ? ['该底模标明预测噪声。'] : []),
      ...(zeroTerminalSnr ? ['它以零终端信噪比训练。'] : []),
    ].join(''),
};

export const baseMessages: Localized<typeof en> = { en, zh };
