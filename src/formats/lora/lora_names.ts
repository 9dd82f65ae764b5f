// The name of a LoRA's tensor, in kohya's notation or one of diffusers': which layer, and which half of it. Diffusers
// wrote three: attention processors (`….attn1.processor.to_q_lora.down.weight`), `….lora.down.weight`, and since 0.22
// peft's `….lora_A.weight`. Source: diffusers' `loaders/lora_pipeline.py` and `lora_conversion_utils.py`.
import { everyFamily } from '../families/families';

export interface LoraTensorName {
  /** kohya's name of the layer, whatever the file calls it. */
  readonly layer: string;
  readonly role: 'down' | 'up' | 'alpha';
  readonly naming: 'kohya' | 'diffusers';
  /** Where diffusers' names were used: the part's name and the path within it. */
  readonly path?: string;
}

const NAMINGS = everyFamily.flatMap(({ lora }) => Object.values(lora));
const FOLDERS = [...new Set(NAMINGS.map(({ folder }) => folder))].join('|');
const KOHYA = new RegExp(
  `^((?:${[...new Set(NAMINGS.map(({ prefix }) => prefix))].join('|')})_[^.]+)\\.(?:lora_(down|up)\\.weight|(alpha))$`,
);
const IN_FOLDER = new RegExp(`^(?:(${FOLDERS})\\.(?:base_model\\.model\\.)?)?(.+)$`);

/** Undefined for a name that is no plain LoRA's. */
export function loraTensorName(name: string): LoraTensorName | undefined {
  const kohya = KOHYA.exec(name);
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
  const [, folder, rest] = IN_FOLDER.exec(path) ?? [];
  if (rest === undefined) return undefined;
  for (const naming of NAMINGS) {
    const whole = folder === undefined || folder === naming.folder ? naming.pathOf(rest) : undefined;
    if (whole === undefined) continue;
    return { layer: naming.name(whole), role, naming: 'diffusers', path: `${naming.folder}.${rest}` };
  }
  return undefined;
}
