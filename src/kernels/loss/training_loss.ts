/**
 * `weightedMse` as an operation of the tape, whose gradient was computed on the way forward.
 */
import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { defineKernel } from '../kernel';
import { weightedMse } from './loss';

/**
 * prediction and target [B, ...], weights [B], lossScale [1] -> mean_b(weight_b mean((prediction - target)^2)), [1].
 * The prediction's gradient has the loss scale in it already; the gradient of this value itself is not looked at.
 */
export function trainingLoss(prediction: Tensor, target: Tensor, weights: Tensor, lossScale: Tensor): Tensor {
  return run({ prediction, target, weights, lossScale }, {})[0];
}

const run = defineKernel<object>({
  name: 'lora:trainingLoss',
  forward: (inputs) => {
    const { prediction, target, weights, lossScale } = inputs as Record<string, Tensor>;
    const { loss, dPred } = weightedMse(prediction, target, weights, lossScale);
    return [loss, dPred];
  },
  gradient: {
    saveOutputs: [false, true],
    backward: (_, [dPred]) => ({ prediction: () => tf.clone(dPred) }),
  },
});
