// With what weight a LoRA is merged: one number, or others for the U-Net, the text encoders and single blocks. Written as
// "0.8" or "unet=0.8,te=0.4,mid=0,up1=1.2"; a block's own word goes before its encoder's, that before its part's, a part's
// before the one for all.
import type { LoraWeights } from '../../protocol/lora_tools';
import { everyFamily } from '../families/families';

/**
 * Where a module lies. Of the U-Net: `down0`, `mid`, `up3`. Of a model's only text encoder: `te0` to `te11`, its layers; of two
 * they are `te1.0` and `te2.0` on, in the encoders `te1` and `te2`.
 */
export interface LoraBlock {
  readonly part: 'unet' | 'te';
  /** Where there are two. */
  readonly encoder?: 'te1' | 'te2';
  readonly block: string;
}

export class WeightsError extends Error {
  override name = 'WeightsError';
}

const NAMINGS = everyFamily.flatMap(({ lora, texts }) =>
  Object.entries(lora).map(([part, naming]) => ({ part, naming, encoders: texts.length })),
);

/** By kohya's name of it. A U-Net's module outside all blocks is in `unet`. */
export function blockOf(name: string): LoraBlock {
  const of = NAMINGS.filter(({ naming }) => name.startsWith(`${naming.prefix}_`));
  const [found] = of;
  if (of.length > 0 && found.part !== 'unet') {
    const layer = /_layers_(\d+)_/.exec(name)?.[1] ?? '';
    if (found.encoders < 2) return { part: 'te', block: `te${layer}` };
    const encoder = found.part === 'text1' ? 'te1' : 'te2';
    return { part: 'te', encoder, block: `${encoder}.${layer}` };
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

/** Throws WeightsError for what is no weight, and for a place that no model has. */
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
    else if (/^(unet|te(\d+(\.\d+)?)?|mid|(down|up)\d+)$/.test(place)) by.set(place, weight);
    else throw new WeightsError(`"${place}" is no part or block of a model: ${PLACES}.`);
  }
  return { all, by };
}

/** As the command line's help lists them. */
const PLACES =
  'unet, down0 to down3, mid, up0 to up3, te; te0 to te11 are the layers of an only text encoder, SD 2.x’s to te22; of SDXL’s two, te1 and te2 ' +
  'are the whole encoders, te1.0 to te1.11 and te2.0 to te2.31 their layers';

const OF_ONE = /^(unet|te\d?|te1[01]|mid|(down|up)[0-3])$/;
const OF_DEEP = /^(unet|te1?\d?|te2[0-2]|mid|(down|up)[0-3])$/;
const OF_TWO = /^(unet|te[12]?|mid|(down|up)[0-3])$/;

/**
 * Of the weights' places, those that hold nothing of a LoRA with modules of these names, though models of its kind have them:
 * to be said. Throws WeightsError, with the list of what there is, for a place that models of its kind have not.
 */
export function emptyPlaces({ by }: LoraWeights, names: readonly string[]): string[] {
  const blocks = names.map(blockOf);
  const held = new Set(
    blocks.flatMap(({ part, encoder, block }) => [part, block, ...(encoder ? [encoder] : [])]),
  );
  const two = blocks.some(({ encoder }) => encoder !== undefined);
  const empty = [...by.keys()].filter((place) => !held.has(place));
  // SD 2.x's has 23 layers; of which kind a LoRA is without any of its own, its names do not say.
  const deep = blocks.some(({ block }) => /^te(1[2-9]|2\d)$/.test(block));
  const known = two ? OF_TWO : deep ? OF_DEEP : OF_ONE;
  for (const place of empty)
    if (!known.test(place))
      throw new WeightsError(`there is no "${place}" in this LoRA: it has ${whatIsIn(names)}.`);
  return empty;
}

/** 'unet (down0, down1, mid, up1), te (te0 to te11)' */
export function whatIsIn(names: readonly string[]): string {
  const groups = new Map<string, string[]>();
  for (const { part, encoder, block } of names.map(blockOf)) {
    const group = encoder ?? part;
    const known = groups.get(group) ?? [];
    if (block !== group && !known.includes(block)) known.push(block);
    groups.set(group, known);
  }
  return [...groups]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([group, blocks]) => {
      const sorted = blocks.toSorted(inBlockOrder);
      const inside =
        group === 'unet' || sorted.length < 3 ? sorted.join(', ') : `${sorted[0]} to ${sorted.at(-1) ?? ''}`;
      return inside === '' ? group : `${group} (${inside})`;
    })
    .join(', ');
}

/** A block's own goes before its encoder's, that before its part's, and a part's before the one for all. */
export function weightOf({ all, by }: LoraWeights, name: string): number {
  const { part, encoder, block } = blockOf(name);
  return by.get(block) ?? (encoder && by.get(encoder)) ?? by.get(part) ?? all;
}
