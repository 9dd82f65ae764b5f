/** Words of the choice what an SDXL base model was trained from, and of the question what an SD 2.x predicts. */
import type { Lineage, ModelMarks, Prediction } from '../../formats/families/family_facts';
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
  predicts: 'What the base model predicts',
  predictions: { epsilon: 'Noise (512-base)', v: 'v (768-v)' } satisfies Record<Prediction, string>,
  asked:
    'There are both kinds of Stable Diffusion 2.x, and the files of this one do not say which it is; where it came from does. With the wrong answer pictures turn to noise.',
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
  predicts: '底模预测什么',
  predictions: { epsilon: '噪声（512-base）', v: 'v（768-v）' },
  asked:
    'Stable Diffusion 2.x 两种都有，而这个模型的文件没有说明是哪一种；请以模型的来源页面为准。选错时画面会变成噪点。',
};

export const baseMessages: Localized<typeof en> = { en, zh };
