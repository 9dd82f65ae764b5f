/** Weights of a LoRA as they are typed, and as they are meant. */
import type { LoraWeights } from '../../protocol/lora_tools';

/** As typed. A block that is empty has the weight of its part. */
export interface TypedWeights {
  readonly unet: string;
  readonly te: string;
  readonly blocks: Readonly<Record<string, string>>;
}

/** Undefined where one of them is no number. */
export function meant({ unet, te, blocks }: TypedWeights): LoraWeights | undefined {
  const typed = [['unet', unet], ['te', te], ...Object.entries(blocks)] as const;
  const by = new Map<string, number>();
  for (const [place, text] of typed) {
    if (Object.hasOwn(blocks, place) && text.trim() === '') continue;
    const value = numberIn(text);
    if (value === undefined) return undefined;
    by.set(place, value);
  }
  return { all: 1, by };
}

/** '0.8', '0,8', '-1'; undefined for what is no number. */
export function numberIn(text: string): number | undefined {
  const value = Number(text.trim().replace(',', '.'));
  return text.trim() === '' || !Number.isFinite(value) ? undefined : value;
}
