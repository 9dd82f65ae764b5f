/** A LoRA of two layers, zeros but for its metadata, for tests of what comes back. */
import { writeSafetensors, type TensorToWrite } from '../safetensors/safetensors_write';

/** `prefix` stands before the names; kohya's U-Net unless it says otherwise. */
export function smallLora(rank: number, metadata: Record<string, string>, prefix = 'lora_unet_'): Blob {
  const at = `${prefix}mid_block_attentions_0_proj`;
  const tensors = [`${at}_in`, `${at}_out`].flatMap((name): TensorToWrite[] =>
    [
      [`${name}.lora_down.weight`, [rank, 32, 1, 1]] as const,
      [`${name}.lora_up.weight`, [32, rank, 1, 1]] as const,
    ].map(([tensor, shape]) => ({ name: tensor, dtype: 'F16', shape, data: new Uint8Array(64 * rank) })),
  );
  return new Blob([writeSafetensors(tensors, metadata)]);
}
