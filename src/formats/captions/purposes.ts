/** What a LoRA may be for, as a list: a new purpose is asked for here by the compiler. */
import type { Purpose } from '../../protocol/captioner';

const known: Readonly<Record<Purpose, true>> = { style: true, character: true, object: true };

export const purposes = Object.keys(known) as Purpose[];
