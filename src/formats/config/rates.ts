/**
 * The learning rates that a configuration comes to, the fields in which they stand, and lower ones where a run diverges.
 */
import type { TrainConfig } from './config_fields';
import { optimizerFacts } from './optimizers';

export type RateField = 'learning_rate' | 'unet_lr' | 'text_encoder_lr';

export interface RateInUse {
  /** Where it stands: a part's own field, or the common one. */
  readonly field: RateField;
  readonly rate: number;
}

type Rates = Pick<TrainConfig, RateField>;
type Parts = Pick<TrainConfig, 'train_unet' | 'train_text_encoder'>;

/** Of the parts that are trained. */
export function ratesInUse(config: Rates & Parts): { unet?: RateInUse; text?: RateInUse } {
  const rateOf = (own: 'unet_lr' | 'text_encoder_lr'): RateInUse => {
    const rate = config[own];
    return rate === null ? { field: 'learning_rate', rate: config.learning_rate } : { field: own, rate };
  };
  return {
    ...(config.train_unet ? { unet: rateOf('unet_lr') } : {}),
    ...(config.train_text_encoder ? { text: rateOf('text_encoder_lr') } : {}),
  };
}

/** The one that is told where there is room for one: the U-Net's, or the text encoder's where that alone is trained. */
export function mainRate(config: Rates & Parts): RateInUse {
  const { unet, text } = ratesInUse(config);
  return unet ?? text ?? { field: 'learning_rate', rate: config.learning_rate };
}

/** What one may try after a run has diverged at `rate`: a tenth, and not what is too much for any run. */
export function lowerRate(rate: number, optimizer: TrainConfig['optimizer']): number {
  return Number(Math.min(rate / 10, optimizerFacts[optimizer].rates.highestToTry).toPrecision(3));
}

/** All rates of a configuration lowered so. */
export function lowerRates(config: Rates & Pick<TrainConfig, 'optimizer'>): Rates {
  const own = (rate: number | null) => (rate === null ? null : lowerRate(rate, config.optimizer));
  return {
    learning_rate: lowerRate(config.learning_rate, config.optimizer),
    unet_lr: own(config.unet_lr),
    text_encoder_lr: own(config.text_encoder_lr),
  };
}

/** Whether a rate in use is one that no run survives: far above any that anyone trains with. */
export function isExtreme(config: Rates & Parts & Pick<TrainConfig, 'optimizer'>): boolean {
  const { extreme } = optimizerFacts[config.optimizer].rates;
  return Object.values(ratesInUse(config)).some(({ rate }) => rate > extreme);
}
