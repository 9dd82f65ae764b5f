/** A LoRA to continue from, judged by its header before the GPU is opened or a picture read: notes, or an error by name. */
import type { ByteSource } from '../src/formats/safetensors/byte_source';
import type { TrainConfig } from '../src/formats/config/config_fields';
import { ranksOf } from '../src/formats/lora/lora_outline';
import type { BaseModelConfig } from '../src/training/step/base_model';
import { judgeLora, targetsOf } from '../src/training/step/lora_file';

/** What to say of it. Throws `LoraError` or `SafetensorsError` where it cannot be continued on this model. */
export async function pretrainedNotes(
  source: ByteSource,
  base: BaseModelConfig,
  config: Pick<TrainConfig, 'lora_rank' | 'train_unet' | 'train_text_encoder'>,
): Promise<string[]> {
  const { layers, setAside } = await judgeLora(source, base, config);
  const { least, most } = ranksOf(layers);
  const partOf = new Map<string, string>(targetsOf(base).map(({ name, part }) => [name, part]));
  const notes: string[] = [];
  // Ranks of its own are told by the run.
  if (least === most && least < config.lora_rank) {
    notes.push(
      `pretrained_lora has rank ${least}: its layers are padded to lora_rank ${config.lora_rank} and begin as they are.`,
    );
  }
  for (const [setting, parts, of] of [
    ['train_unet', ['unet'], 'the U-Net'],
    ['train_text_encoder', ['text1', 'text2'], 'text encoders'],
  ] as const) {
    const dropped = layers.filter(({ name }) => parts.some((part) => partOf.get(name) === part)).length;
    if (!config[setting] && dropped > 0)
      notes.push(
        `pretrained_lora has ${dropped} layers of ${of}, which ${setting}: false leaves out: what this run saves lacks them.`,
      );
  }
  if (setAside.length > 0) {
    notes.push(
      `pretrained_lora has an embedding with it (${setAside.join(', ')}), which is set aside: only the LoRA is used.`,
    );
  }
  return notes;
}
