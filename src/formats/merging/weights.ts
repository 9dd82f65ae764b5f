// With what weight a LoRA is merged: one number, or others for the U-Net, the text encoder and single blocks. Written as
// "0.8" or "unet=0.8,te=0.4,mid=0,up1=1.2"; a block's own word goes before its part's, a part's before the one for all.
import type { LoraWeights } from '../../protocol/lora_tools';
import { everyFamily } from '../families/families';

/** Where a module lies: `down0`, `mid`, `up3` of the U-Net, `te0` to `te11` of the text encoder; `te2.0` of a second one. */
export interface LoraBlock {
  readonly part: 'unet' | 'te';
  readonly block: string;
}

export class WeightsError extends Error {
  override name = 'WeightsError';
}

const NAMINGS = everyFamily.flatMap(({ lora }) =>
  Object.entries(lora).map(([part, naming]) => ({ part, naming })),
);

/** By kohya's name of it. A U-Net's module outside all blocks is in `unet`. */
export function blockOf(name: string): LoraBlock {
  const of = NAMINGS.filter(({ naming }) => name.startsWith(`${naming.prefix}_`));
  const [found] = of;
  if (of.length > 0 && found.part !== 'unet') {
    const layer = /_layers_(\d+)_/.exec(name)?.[1] ?? '';
    return { part: 'te', block: found.part === 'text1' ? `te${layer}` : `te2.${layer}` };
  }
  // By diffusers' path, whatever the family's names are made of; what is no module of any has its own name to go by.
  const [path = name] = of.flatMap(({ naming }) => naming.pathOfName(name) ?? []);
  const [, side, index] = /(?:^|_)(down|up)_blocks[._](\d+)[._]/.exec(path) ?? [];
  if (side !== undefined) return { part: 'unet', block: `${side}${index}` };
  return { part: 'unet', block: /(?:^|_)mid_block[._]/.test(path) ? 'mid' : 'unet' };
}

/** In the order in which the model runs them, the text encoder's first. */
export function inBlockOrder(a: string, b: string): number {
  return place(a) - place(b) || a.localeCompare(b, 'en', { numeric: true });
}

function place(block: string): number {
  return ['te', 'down', 'mid', 'up'].findIndex((side) => block.startsWith(side));
}

/** Throws WeightsError for what is no weight, and for a place that has no such name. */
export function parseWeights(text: string): LoraWeights {
  const by = new Map<string, number>();
  let all = 1;
  for (const piece of text.split(',')) {
    const [, place, value] = /^(?:([a-z][a-z0-9.]*)=)?([^=]+)$/.exec(piece.trim()) ?? [];
    const weight = value === undefined || value.trim() === '' ? NaN : Number(value);
    if (!Number.isFinite(weight)) {
      throw new WeightsError(`"${piece}" is no weight: write 0.8, or unet=0.8,te=0.4,mid=0.5,up1=1.`);
    }
    if (place === undefined) all = weight;
    else if (/^(unet|te(\d+|2\.\d+)?|mid|(down|up)\d+)$/.test(place)) by.set(place, weight);
    else
      throw new WeightsError(
        `"${place}" is no part or block: unet, te, te0 to te11, down0 to down3, mid, up0 to up3.`,
      );
  }
  return { all, by };
}

export function weightOf({ all, by }: LoraWeights, name: string): number {
  const { part, block } = blockOf(name);
  return by.get(block) ?? by.get(part) ?? all;
}
