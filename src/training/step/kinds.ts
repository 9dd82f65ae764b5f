/**
 * What the engine does for each kind of adapter and of loss: a new kind in `formats/config/kinds.ts` makes the compiler
 * ask for its row here. There is no setting for either yet; which a run has stands in one place.
 */
import type { Tensor } from '@tensorflow/tfjs';
import type { AdapterKind, LossKind } from '../../formats/config/kinds';
import { trainingLoss } from '../../kernels/loss/training_loss';
import { LoraParameters } from '../../models/lora';
import { continuedLora, exportLora, freshLora } from './lora_file';

/** Of every run, until there is a setting. */
export const RUN_KINDS = { adapter: 'lora', loss: 'l2' } as const satisfies {
  adapter: AdapterKind;
  loss: LossKind;
};

/** prediction and target [B, ...], weights [B], lossScale [1] -> the loss [1], whose gradient carries the scale. */
type Loss = (prediction: Tensor, target: Tensor, weights: Tensor, lossScale: Tensor) => Tensor;

export const losses: Readonly<Record<LossKind, Loss>> = { l2: trainingLoss };

interface Adapter {
  /** The trainable tensors, on the GPU. */
  readonly Parameters: typeof LoraParameters;
  /** The values that a new one begins with. */
  readonly fresh: typeof freshLora;
  /** Those of a file that is trained further. */
  readonly continued: typeof continuedLora;
  /** The file that it is saved as. */
  readonly exported: typeof exportLora;
}

export const adapters: Readonly<Record<AdapterKind, Adapter>> = {
  lora: { Parameters: LoraParameters, fresh: freshLora, continued: continuedLora, exported: exportLora },
};
