/**
 * LoRA files on a base model for drawing: each at its weight, several at once. A module that several adapt gets one
 * pair of matrices with their ranks side by side.
 */
import * as tf from '@tensorflow/tfjs';
import type { ByteSource } from '../../formats/safetensors/byte_source';
import type { LoraPart } from '../../formats/families/family_facts';
import { parseLora } from '../../formats/lora/kohya_lora';
import { refuseOtherFamily } from '../../formats/lora/lora_kind';
import { matchLora } from '../../formats/lora/lora_outline';
import type { Lora } from '../../kernels/lora/lora';
import { mergeLoras } from '../../kernels/lora/merge';
import { upload } from '../../kernels/program';
import type { LoraOf } from '../../models/lora';
import type { BaseModelConfig } from '../step/base_model';
import { targetsOf } from '../step/lora_file';

export interface AppliedLoras {
  /** Undefined for modules that no file adapts. */
  of: LoraOf;
  /** On the GPU. */
  bytes: number;
  /** Is there any module of a text encoder among them? */
  adaptText: boolean;
  dispose(): void;
}

/** Throws `SafetensorsError` or `LoraError` for a file that is none or does not fit the model; nothing is left behind. */
export async function applyLoras(
  base: BaseModelConfig,
  files: readonly { source: ByteSource; weight: number }[],
): Promise<AppliedLoras> {
  const targets = targetsOf(base);
  // All files are read and matched before the first upload, so that a bad one leaves nothing behind.
  const read = [];
  for (const { source, weight } of files) {
    const lora = await parseLora(source);
    refuseOtherFamily(lora.family, base.family);
    read.push({ lora, weight, fitting: matchLora(lora.modules, targets) });
  }
  const byPlace = new Map<string, Lora[]>();
  for (const { lora, weight, fitting } of read) {
    for (const { name, rank, alpha, down, up } of lora.modules) {
      const target = fitting.get(name);
      if (!target || weight === 0) continue;
      const place = placeOf(target.part, target.path);
      const matrices = byPlace.get(place) ?? [];
      byPlace.set(place, matrices);
      matrices.push({
        down: upload(down, [rank, target.inFeatures], 'LoRA'),
        up: upload(up, [target.outFeatures, rank], 'LoRA'),
        scale: (weight * alpha) / rank,
      });
    }
  }
  const parts = [...byPlace.keys()].map((place) => place.split(' ')[0]);
  const merged = new Map<string, Lora>();
  for (const [place, loras] of byPlace) {
    const [only] = loras;
    if (loras.length === 1 && only) merged.set(place, only);
    else {
      const { down, up, scale } = mergeLoras(loras);
      merged.set(place, { down: tf.keep(down), up: tf.keep(up), scale });
      for (const lora of loras) tf.dispose([lora.down, lora.up]);
    }
  }
  return {
    of: (part) => (path) => merged.get(placeOf(part, path)),
    bytes: [...merged.values()].reduce((sum, { down, up }) => sum + 4 * (down.size + up.size), 0),
    adaptText: parts.some((part) => part !== 'unet'),
    dispose: () => {
      for (const { down, up } of merged.values()) tf.dispose([down, up]);
      merged.clear();
    },
  };
}

function placeOf(part: LoraPart, path: string): string {
  return `${part} ${path}`;
}
