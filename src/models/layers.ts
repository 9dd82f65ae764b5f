/**
 * The few words that the models are written in: a layer looked up by its diffusers path, with its LoRA if it has one.
 * Tensors are [B, N, C] or [B, H, W, C]; the caller's tidy scope owns what is returned.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { conv2d, type ConvOptions } from '../kernels/conv2d/conv2d';
import type { Ending } from '../kernels/kernel';
import { linear } from '../kernels/linear/linear';
import { loraLinear, loraLinears, type Lora } from '../kernels/lora/lora';
import { groupNorm, residualGroupNorm } from '../kernels/norm/group_norm';
import { layerNorm, residualLayerNorm, type Branched } from '../kernels/norm/layer_norm';
import type { Weights } from './weights';

/** Weights, and the LoRA (if any) for a module path. */
export interface Model {
  weights: Weights;
  lora?: (path: string) => Lora | undefined;
}

/** x W^T + b, plus the module's LoRA, ending as it is told (a residual). */
export function dense(m: Model, path: string, x: Tensor, ending: Ending = {}): Tensor {
  const { weight, bias } = m.weights.linear(path);
  const lora = m.lora?.(path);
  return lora ? loraLinear(x, weight, bias, lora, ending) : linear(x, weight, bias, ending);
}

/** `dense` of several modules of the same x and dimensions, in their order; together where all have a LoRA. */
export function denseOfSame(m: Model, paths: readonly string[], x: Tensor): Tensor[] {
  const layers = paths.flatMap((path) => {
    const lora = m.lora?.(path);
    return lora ? [{ ...m.weights.linear(path), lora }] : [];
  });
  return layers.length === paths.length ? loraLinears(x, layers) : paths.map((path) => dense(m, path, x));
}

export function conv3x3(m: Model, path: string, x: Tensor, options: ConvOptions = {}): Tensor {
  const { weight, bias } = m.weights.conv(path);
  return conv2d(x, weight, bias, options);
}

export function norm32(
  m: Model,
  path: string,
  x: Tensor,
  eps: number,
  options: { silu?: boolean; shift?: Tensor } = {},
): Tensor {
  const { gamma, beta } = m.weights.norm(path);
  return groupNorm(x, gamma, beta, { groups: 32, eps, ...options });
}

/** `norm32` of an x that goes around it too. */
export function residualNorm32(
  m: Model,
  path: string,
  x: Tensor,
  eps: number,
  options: { silu?: boolean } = {},
): Branched {
  const { gamma, beta } = m.weights.norm(path);
  return residualGroupNorm(x, gamma, beta, { groups: 32, eps, ...options });
}

export function norm(m: Model, path: string, x: Tensor): Tensor {
  const { gamma, beta } = m.weights.norm(path);
  return layerNorm(x, gamma, beta, 1e-5);
}

/** `norm` of an x that goes around it too. */
export function residualNorm(m: Model, path: string, x: Tensor): Branched {
  const { gamma, beta } = m.weights.norm(path);
  return residualLayerNorm(x, gamma, beta, 1e-5);
}
