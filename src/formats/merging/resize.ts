// A LoRA of a smaller rank that is as near to the given one as that rank allows: the largest singular values of each
// module's change are kept (Eckart-Young). How many: a fixed number, as many as keep a share of the change, or all above a
// share of the largest, as in sd-scripts' `resize_lora.py`.
import type { ResizeRule } from '../../protocol/lora_tools';
import type { LoraModule } from '../lora/kohya_lora';
import { changeSvd, rankOf, strengthOf, type ChangeSvd } from './change';

export interface ResizedModule {
  readonly module: LoraModule;
  /** Of the change, in the Frobenius norm; 1 where nothing was lost. */
  readonly kept: number;
  /** Frobenius norm of the change before. */
  readonly norm: number;
}

/** How many of falling singular values the rule keeps; one at least. */
export function keptRank(values: Float64Array, { rank, share, threshold }: ResizeRule): number {
  const total = values.reduce((sum, value) => sum + value * value, 0);
  let count = values.length;
  if (share !== undefined) {
    let reached = 0;
    count = 0;
    // What is lost by rounding the sum must not ask for one more.
    while (count < values.length && reached < share * share * total * (1 - 1e-12))
      reached += values[count++] ** 2;
  }
  if (threshold !== undefined) {
    const least = threshold * values[0];
    const above = values.findIndex((value) => value < least);
    if (above >= 0) count = Math.min(count, above);
  }
  return Math.max(1, Math.min(count, rank ?? count));
}

/** The module as the rule has it; as it is where its rank is not above that. alpha / rank stays what it was. */
export function resizeModule(module: LoraModule, rule: ResizeRule): ResizedModule {
  const change = changeSvd(module);
  const { values } = change;
  const count = keptRank(values, rule);
  const square = (until: number) => values.subarray(0, until).reduce((sum, value) => sum + value * value, 0);
  const whole = square(values.length);
  const norm = Math.sqrt(whole);
  if (count >= rankOf(module)) return { module, kept: 1, norm };
  return {
    module: cut(module, change, count),
    kept: whole === 0 ? 1 : Math.sqrt(square(count) / whole),
    norm,
  };
}

/** The roots of the values go to both sides, so that neither is far larger than the other when trained on. */
function cut(module: LoraModule, { left, values, right }: ChangeSvd, rank: number): LoraModule {
  const [inputs, outputs] = [right.rows, left.rows];
  const strength = strengthOf(module);
  const down = new Float32Array(rank * inputs);
  const up = new Float32Array(outputs * rank);
  for (let k = 0; k < rank; k++) {
    const root = Math.sqrt(values[k] / Math.abs(strength));
    for (let i = 0; i < inputs; i++) down[k * inputs + i] = root * right.data[k * inputs + i];
    const signed = strength < 0 ? -root : root;
    for (let o = 0; o < outputs; o++) up[o * rank + k] = signed * left.data[k * outputs + o];
  }
  return {
    name: module.name,
    down,
    downShape: [rank, ...module.downShape.slice(1)],
    up,
    upShape: [module.upShape[0], rank, ...module.upShape.slice(2)],
    alpha: strength * rank,
  };
}

/** Of all modules together: the share of the change that is kept, in the Frobenius norm. */
export function keptOfAll(resized: readonly ResizedModule[]): number {
  const whole = resized.reduce((sum, { norm }) => sum + norm ** 2, 0);
  return whole === 0
    ? 1
    : Math.sqrt(resized.reduce((sum, { norm, kept }) => sum + (norm * kept) ** 2, 0) / whole);
}
