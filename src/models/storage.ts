/**
 * How each tensor of a frozen part lies on the GPU, by the run's `base_precision`. Only the U-Net is ever quantized: text
 * encoders and VAE are dropped before training, or have their own LoRA and are small beside it.
 */
import { BLOCK, type Storage } from '../kernels/frozen/frozen';
import type { TrainConfig } from '../formats/config/config_fields';

export type BasePrecision = TrainConfig['base_precision'];

/** bitsandbytes quantizes matrices alone; convolutions bear eight bits, but not four. */
const QUANTIZED: Readonly<Record<BasePrecision, { matrix: Storage; kernel: Storage }>> = {
  fp16: { matrix: 'half', kernel: 'half' },
  int8: { matrix: 'int8', kernel: 'int8' },
  nf4: { matrix: 'nf4', kernel: 'int8' },
};

/** Everything passes through them, and they are a thousandth of the weights. */
const ENDS = /^(conv_in|conv_out|time_embedding|add_embedding)\./;

/** Of a tensor of this name and shape: codes or halves for products, f32 for what is only added or scaled by. */
export function storageOf(
  name: string,
  shape: readonly number[],
  precision: BasePrecision,
): 'float' | Storage {
  if (shape.length < 2 || name.endsWith('position_embedding.weight')) return 'float';
  const [, inputs = 0] = shape;
  if (inputs % BLOCK !== 0 || ENDS.test(name)) return 'half';
  return QUANTIZED[precision][shape.length === 4 ? 'kernel' : 'matrix'];
}
