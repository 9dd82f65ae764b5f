// The name of a LoRA's tensor, in kohya's notation or one of diffusers': which layer, and which half of it. Diffusers
// wrote three: attention processors (`….attn1.processor.to_q_lora.down.weight`), `….lora.down.weight`, and since 0.22
// peft's `….lora_A.weight`. Source: diffusers' `loaders/lora_pipeline.py` and `lora_conversion_utils.py`.
import { kohyaName } from './kohya_names';

export interface LoraTensorName {
  /** kohya's name of the layer, whatever the file calls it. */
  readonly layer: string;
  readonly role: 'down' | 'up' | 'alpha';
  readonly naming: 'kohya' | 'diffusers';
  /** Where diffusers' names were used: the part's name and the path within it. */
  readonly path?: string;
}

/** Undefined for a name that is no plain LoRA's. */
export function loraTensorName(name: string): LoraTensorName | undefined {
  const kohya = /^(lora_(?:unet|te)_[^.]+)\.(?:lora_(down|up)\.weight|(alpha))$/.exec(name);
  if (kohya) return { layer: kohya[1], role: kohya[3] ? 'alpha' : half(kohya[2]), naming: 'kohya' };
  const processor = /^(.+)\.processor\.to_(q|k|v|out)_lora\.(down|up)\.weight$/.exec(name);
  if (processor) {
    const [, block, to, side] = processor;
    return layerAt(`${block}.to_${to === 'out' ? 'out.0' : to}`, half(side));
  }
  const other =
    /^(.+?)(?:\.lora_([AB])(?:\.default)?\.weight|\.(?:lora|lora_linear_layer)\.(down|up)\.weight|\.(alpha))$/.exec(
      name,
    );
  if (!other) return undefined;
  return layerAt(other[1], other[4] ? 'alpha' : half(other[2] ?? other[3]));
}

function half(side: string): 'down' | 'up' {
  return side === 'A' || side === 'down' ? 'down' : 'up';
}

function layerAt(full: string, role: LoraTensorName['role']): LoraTensorName | undefined {
  const path = full.replace(/^base_model\.model\./, '');
  const [, folder, rest] = /^(?:(unet|text_encoder)\.(?:base_model\.model\.)?)?(.+)$/.exec(path) ?? [];
  if (rest === undefined) return undefined;
  if (folder !== 'text_encoder' && /^(down_blocks|mid_block|up_blocks)\./.test(rest))
    return { layer: kohyaName('unet', rest), role, naming: 'diffusers', path: `unet.${rest}` };
  if (folder !== 'unet' && /^(text_model\.)?encoder\.layers\./.test(rest)) {
    // transformers 5 leaves `text_model.` out.
    const whole = rest.startsWith('text_model.') ? rest : `text_model.${rest}`;
    return { layer: kohyaName('text', whole), role, naming: 'diffusers', path: `text_encoder.${rest}` };
  }
  return undefined;
}
