// What there is to say of a LoRA file: its layers with ranks and alphas, how much each changes, by block; and of its
// metadata what it was made on, with what settings and which tags.
import { JsonNumber, parseStrictJson, toCount } from '../safetensors/strict_json';
import type { LoraFile } from '../lora/kohya_lora';
import { changeNorm } from './change';
import { blockOf, inBlockOrder } from './weights';

export interface BlockNorm {
  /** `te3`, `down0`, `mid`, `up2`: as in weights. */
  readonly block: string;
  readonly modules: number;
  /** Root of the sum of the squares of its modules' norms. */
  readonly norm: number;
}

export interface LoraSummary {
  readonly modules: readonly {
    readonly name: string;
    readonly rank: number;
    readonly alpha: number;
    /** ||alpha / rank · up·down||, Frobenius. */
    readonly norm: number;
  }[];
  readonly blocks: readonly BlockNorm[];
  /** Of the whole change. */
  readonly norm: number;
  readonly ranks: { readonly least: number; readonly most: number };
  readonly alphas: { readonly least: number; readonly most: number };
  readonly setAside: readonly string[];
  /** Most frequent first; none where the file does not say. */
  readonly tags: readonly { readonly tag: string; readonly count: number }[];
}

export function summarizeLora({ modules, metadata, setAside }: LoraFile): LoraSummary {
  const measured = modules.map((module) => {
    const { name, rank, alpha } = module;
    return { name, rank, alpha, norm: changeNorm(module) };
  });
  const blocks = new Map<string, { modules: number; square: number }>();
  for (const { name, norm } of measured) {
    const { block } = blockOf(name);
    const known = blocks.get(block) ?? { modules: 0, square: 0 };
    blocks.set(block, { modules: known.modules + 1, square: known.square + norm ** 2 });
  }
  const range = (values: readonly number[]) => ({ least: Math.min(...values), most: Math.max(...values) });
  return {
    modules: measured,
    blocks: [...blocks]
      .map(([block, { modules: count, square }]) => ({ block, modules: count, norm: Math.sqrt(square) }))
      .sort((a, b) => inBlockOrder(a.block, b.block)),
    norm: Math.sqrt(measured.reduce((sum, { norm }) => sum + norm ** 2, 0)),
    ranks: range(measured.map(({ rank }) => rank)),
    alphas: range(measured.map(({ alpha }) => alpha)),
    setAside,
    tags: tagsIn(metadata['ss_tag_frequency']),
  };
}

/** Counts of all folders together. What is no list of counts gives none. */
export function tagsIn(json: string | undefined): LoraSummary['tags'] {
  const counts = new Map<string, number>();
  try {
    const folders = json === undefined ? undefined : parseStrictJson(json);
    if (!(folders instanceof Map)) return [];
    for (const folder of folders.values()) {
      if (!(folder instanceof Map)) continue;
      for (const [tag, count] of folder) {
        const times = count instanceof JsonNumber ? (toCount(count) ?? 0) : 0;
        if (times > 0) counts.set(tag.trim(), (counts.get(tag.trim()) ?? 0) + times);
      }
    }
  } catch {
    return [];
  }
  return [...counts].map(([tag, count]) => ({ tag, count })).sort((a, b) => b.count - a.count);
}
