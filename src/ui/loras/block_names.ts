/** Blocks of a LoRA as people read them, by part of the model. */
import type { messages } from './messages';

type Words = (typeof messages)['en'];
export type BlockPart = keyof Words['part'];

/** `te3` -> te and 3, `te1.3` -> te1 and 3; `mid` has no number. */
export function partOf(block: string): { readonly part: BlockPart; readonly index: string } {
  const [, part = 'unet', index = ''] = /^(te[12](?=\.)|te|down|mid|up)\.?(\d*)$/.exec(block) ?? [];
  return { part: part as BlockPart, index };
}

/** 'down 0', 'middle', 'text encoder 2 · 3' */
export function blockName(block: string, words: Words): string {
  const { part, index } = partOf(block);
  return `${words.block[part]} ${/\d/.test(part) ? '· ' : ''}${index}`.trim();
}
