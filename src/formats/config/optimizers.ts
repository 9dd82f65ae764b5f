/**
 * What there is to know of each optimizer besides its arithmetic, which is in kernels/optimizer: its names in files and in
 * other trainers' settings, and the learning rates that suit it. A choice of config_fields.ts without a row does not compile.
 */
import type { TrainConfig } from './config_fields';

export type OptimizerKind = TrainConfig['optimizer'];

/** Learning rates. */
interface Rates {
  /** Above it a person is advised against it; with the demo's small base model, which bears more. */
  readonly high: number;
  readonly highForDemo: number;
  /** The highest that is taken from another trainer's file unasked. */
  readonly highestTaken: number;
  /** The highest to try after a run has diverged. */
  readonly highestToTry: number;
  /** No run survives it. */
  readonly extreme: number;
}

interface OptimizerFacts {
  /** What other trainers call it, in lower case, without what they add for a state in fewer bits. */
  readonly names: readonly string[];
  /** The class and its arguments that kohya writes into `ss_optimizer`. */
  readonly kohya: { readonly name: string; readonly args: (config: TrainConfig) => Readonly<Args> };
  readonly rates: Rates;
  /** What sd-scripts does where its file names this optimizer and no more, as far as ours would do otherwise. */
  readonly sdScriptsDefaults: Partial<TrainConfig>;
}

type Args = Record<string, string | number>;

const decayAndBetas = (config: TrainConfig): Args => ({
  weight_decay: config.weight_decay,
  betas: `(${config.adam_beta1}, ${config.adam_beta2})`,
});

export const optimizerFacts: Readonly<Record<OptimizerKind, OptimizerFacts>> = {
  adamw: {
    names: ['adamw'],
    kohya: { name: 'torch.optim.adamw.AdamW', args: decayAndBetas },
    rates: { high: 5e-4, highForDemo: 5e-3, highestTaken: 3e-3, highestToTry: 1e-3, extreme: 0.02 },
    sdScriptsDefaults: {},
  },
  lion: {
    names: ['lion'],
    kohya: { name: 'lion_pytorch.lion_pytorch.Lion', args: decayAndBetas },
    rates: { high: 5e-5, highForDemo: 5e-5, highestTaken: 3e-4, highestToTry: 1e-4, extreme: 0.002 },
    sdScriptsDefaults: { weight_decay: 0, adam_beta2: 0.99 },
  },
};
