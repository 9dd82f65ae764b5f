// What page and command line make of LoRA files, the same bytes on both: another notation, a smaller rank, one of several.
// The arithmetic is in the files beside this one; here is what becomes of names, metadata and the precision of the file.
import type { LoraWeights, ResizeReport, ResizeRule, Writing } from '../../protocol/lora_tools';
import {
  parseLora,
  savePrecisions,
  type LoraFile,
  type LoraModule,
  type SavePrecision,
} from '../lora/kohya_lora';
import { LoraError } from '../lora/lora_error';
import type { ByteSource } from '../safetensors/byte_source';
import { readHeader } from '../safetensors/safetensors';
import { combineLoras } from './combine';
import { mergedMetadata } from './merge_base';
import { changedRanks } from './metadata';
import { keptOfAll, resizeModule, type ResizedModule } from './resize';
import { writeAs, type WrittenFile } from './written_as';

export interface OpenedLora {
  readonly file: LoraFile;
  /** That of its first matrix; float where it is none that is written. */
  readonly precision: SavePrecision;
}

/** Told before each module; may report, wait, or throw to stop. */
export type Step = (done: number, total: number) => Promise<void> | void;

export interface Made {
  readonly files: readonly WrittenFile[];
  readonly resized?: ResizeReport;
}

/** Throws as `parseLora` does. */
export async function openLora(source: ByteSource): Promise<OpenedLora> {
  const { tensors } = await readHeader(source);
  const file = await parseLora(source);
  const dtype = [...tensors.values()].find(({ name }) =>
    /(down|lora_A(\.default)?)\.weight$/.test(name),
  )?.dtype;
  const precision = (Object.keys(savePrecisions) as SavePrecision[]).find(
    (each) => savePrecisions[each].dtype === dtype,
  );
  return { file, precision: precision ?? 'float' };
}

export async function convertLora(
  { file: { family, modules, metadata }, precision: own }: OpenedLora,
  writing: Writing,
  precision = own,
): Promise<Made> {
  return { files: await writeAs(writing, { family, modules, precision, metadata }) };
}

/** In kohya's notation. */
export async function resizeLora(
  { file, precision: own }: OpenedLora,
  rule: ResizeRule,
  precision = own,
  step?: Step,
): Promise<Made> {
  const { modules, resized } = await resizeAll(file.modules, rule, step);
  const metadata = changedRanks(file.metadata, modules);
  return { files: await writeAs('kohya', { family: file.family, modules, precision, metadata }), resized };
}

export interface NamedLora {
  readonly lora: OpenedLora;
  readonly name: string;
  readonly weights: LoraWeights;
}

/**
 * Several as one, in kohya's notation: exactly, or resized by `rule`; what it says of its kind is what the first says, and so
 * is its precision. Throws LoraError `no-modules` where the weights leave nothing.
 */
export async function combineInto(
  loras: readonly NamedLora[],
  rule: ResizeRule | undefined,
  precision = loras[0].lora.precision,
  step?: Step,
): Promise<Made> {
  const combined = combineLoras(loras.map(({ lora, weights }) => ({ ...lora.file, weights })));
  if (combined.length === 0) throw nothingLeft();
  const { modules, resized } = rule
    ? await resizeAll(combined, rule, step)
    : { modules: combined, resized: undefined };
  const names = loras.map(({ name }) => name);
  const metadata = changedRanks(
    { ...mergedMetadata({}, names), ...kindOf(loras[0].lora.file.metadata) },
    modules,
  );
  const { family } = loras[0].lora.file;
  const files = await writeAs('kohya', { family, modules, precision, metadata });
  return resized ? { files, resized } : { files };
}

function nothingLeft(): LoraError {
  return new LoraError('no-modules', {
    en: 'With these weights nothing is left of the LoRAs.',
    zh: '按这些权重，LoRA 不会留下任何内容。',
  });
}

/** Of the metadata of one, what says for what models it is. */
function kindOf(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const kept =
    /^(ss_v2|ss_base_model_version|ss_network_module|modelspec\.(architecture|implementation|sai_model_spec))$/;
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => kept.test(key)));
}

async function resizeAll(
  modules: readonly LoraModule[],
  rule: ResizeRule,
  step?: Step,
): Promise<{ modules: LoraModule[]; resized: ResizeReport }> {
  const done: ResizedModule[] = [];
  for (const module of modules) {
    await step?.(done.length, modules.length);
    done.push(resizeModule(module, rule));
  }
  const ranks = done.map(({ module }) => module.downShape[0]);
  const worst = done.reduce((a, b) => (b.kept < a.kept ? b : a));
  return {
    modules: done.map(({ module }) => module),
    resized: {
      ranks: { least: Math.min(...ranks), most: Math.max(...ranks) },
      kept: keptOfAll(done),
      worst: { name: worst.module.name, kept: worst.kept },
    },
  };
}
