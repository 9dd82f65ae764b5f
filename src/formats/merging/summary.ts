// What there is to say of a LoRA file: its layers with ranks and alphas, how much each changes, by block; and of its
// metadata what it was made on, with what settings and which tags.
import type { LoraSummary } from '../../protocol/lora_tools';
import { JsonNumber, parseStrictJson, toCount } from '../safetensors/strict_json';
import type { LoraFile } from '../lora/kohya_lora';
import { changeNorm } from './change';
import type { Step } from './made';
import { blockOf, inBlockOrder } from './weights';

/** `step` is told before each module, and may take its time. */
export async function summarizeLora(
  { modules, metadata, setAside }: LoraFile,
  step?: Step,
): Promise<LoraSummary> {
  const measured: LoraSummary['modules'][number][] = [];
  for (const module of modules) {
    await step?.(measured.length, modules.length);
    const { name, rank, alpha } = module;
    measured.push({ name, rank, alpha, norm: changeNorm(module) });
  }
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
