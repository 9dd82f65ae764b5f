// The layers of a base model that a LoRA can adapt, read off the tensors themselves: what kohya_names.ts derives from a
// model's configuration, for whoever has only the headers of its files.
import { diffusersName, ldmLayout } from '../checkpoint/checkpoint_keys';
import type { TensorShapes } from '../checkpoint/checkpoint_kind';
import { kohyaName, type LoraTarget } from './kohya_names';

const unet =
  /\.attentions\.\d+\.(proj_in|proj_out|transformer_blocks\.\d+\.(attn[12]\.(to_[qkv]|to_out\.0)|ff\.net\.(0\.proj|2)))\.weight$/;
const text = /\.encoder\.layers\.\d+\.(self_attn\.(q|k|v|out)_proj|mlp\.fc[12])\.weight$/;

/** From the tensors of each of a model's files, by their own names; in no particular order. */
export function targetsInCheckpoint(files: readonly TensorShapes[]): LoraTarget[] {
  return files.flatMap((tensors) => {
    const layout = ldmLayout(tensors.keys());
    return [...tensors].flatMap(([key, { shape }]): LoraTarget[] => {
      const mapped = diffusersName(key, layout);
      if (mapped.part !== 'unet' && mapped.part !== 'text') return [];
      if (!(mapped.part === 'unet' ? unet : text).test(mapped.name)) return [];
      const path = mapped.name.slice(0, -'.weight'.length);
      const [outFeatures, inFeatures] = shape;
      const conv = shape.length === 4;
      return [{ name: kohyaName(mapped.part, path), path, part: mapped.part, conv, inFeatures, outFeatures }];
    });
  });
}
