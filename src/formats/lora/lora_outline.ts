// What the header of a LoRA file says, before any of its weights is read: its layers with their ranks and widths, what is
// set aside, and whether it fits a model. Sizes and shapes are checked here; source of the layout: sd-scripts
// `networks/lora.py`, peft's scaling for files with diffusers' names.
import type { ByteSource } from '../safetensors/byte_source';
import { configFields } from '../config/config_fields';
import {
  dtypeBits,
  isFloatDtype,
  readHeader,
  type SafetensorsFile,
  type TensorEntry,
} from '../safetensors/safetensors';
import type { LoraTarget } from './lora_targets';
import { peftAlpha } from './lora_adapter_metadata';
import { LoraError } from './lora_error';
import type { FamilyName } from '../families/families';
import { loraReading, otherKind, refuseLora, type LoraReading } from './lora_kind';
import { loraTensorName } from './lora_names';

/** One adapted layer. Shapes: down [r, in] or [r, in, 1, 1], up [out, r] or [out, r, 1, 1]. */
export interface LoraLayer {
  /** kohya's, whatever the file calls it. */
  readonly name: string;
  readonly rank: number;
  readonly downShape: readonly number[];
  readonly upShape: readonly number[];
}

/** Where a layer's numbers lie. `alpha` is a number where the file says it once for all, undefined where it says none. */
export interface LocatedLayer extends LoraLayer {
  readonly down: TensorEntry;
  readonly up: TensorEntry;
  readonly alpha: TensorEntry | number | undefined;
}

export interface LoraOutline {
  /** Of base models that it is for. */
  readonly family: FamilyName;
  readonly layers: readonly LocatedLayer[];
  /** Names of textual-inversion embeddings that OneTrainer bundled with it; they are not used. */
  readonly setAside: readonly string[];
  readonly naming: 'kohya' | 'diffusers';
  readonly metadata: Record<string, string>;
}

/** No rank above this is taken for one; the widest layer of SD 1.x and SDXL has 10240 outputs. */
const maxRank = 4096;
/** The largest single tensor that is loaded, in bytes; rank 4096 on the widest layer fits. */
const maxTensorBytes = 256 * 2 ** 20;

/**
 * Reads the header only. Throws SafetensorsError for a broken file, LoraError for one that is no LoRA for a family that is
 * known or uses another method, naming what it is.
 */
export async function outlineLora(source: ByteSource): Promise<LoraOutline> {
  const { tensors, metadata } = await readHeader(source);
  if (metadata['format']?.startsWith(STATE)) throw savedState();
  const bundled = [...tensors.keys()].filter((name) => name.startsWith(BUNDLED));
  const own = new Map([...tensors].filter(([name]) => !name.startsWith(BUNDLED)));
  if (own.size === 0) {
    throw new LoraError(
      'no-modules',
      'This file holds no LoRA layers. Choose a LoRA made for Stable Diffusion 1.x, 2.x or SDXL.',
    );
  }
  const reading = loraReading(own, metadata);
  const other = otherKind(own, metadata, reading);
  if (other) throw refuseLora(other.kind, other.key);
  const found = [...groupLayers(own, reading).values()];
  return {
    family: reading.family,
    layers: found.map((layer) => checkLayer(layer, metadata)),
    setAside: [...new Set(bundled.map((name) => name.slice(BUNDLED.length).split('.')[0]))],
    naming: found.some(({ path }) => path !== undefined) ? 'diffusers' : 'kohya',
    metadata,
  };
}

/** How the `format` of our own saved states begins (training/loop/checkpoint.ts). */
const STATE = 'lora-studio-state-';

function savedState(): LoraError {
  return new LoraError('other-method', {
    en: 'This is the saved state of a run, from which `resume` goes on, not a LoRA. Choose the file of the same name without ".state".',
    zh: '这是训练的存档（供 resume 继续训练），不是 LoRA。请选择同名、不带“.state”的文件。',
  });
}

/** OneTrainer's, for embeddings in the same file. */
const BUNDLED = 'bundle_emb.';

interface Found {
  readonly name: string;
  path?: string | undefined;
  down?: TensorEntry;
  up?: TensorEntry;
  alpha?: TensorEntry;
}

function groupLayers(
  tensors: SafetensorsFile['tensors'],
  { family, bareText }: LoraReading,
): Map<string, Found> {
  const layers = new Map<string, Found>();
  for (const entry of tensors.values()) {
    const name = loraTensorName(entry.name, family, bareText);
    if (!name) throw refuseLora('unknown', entry.name); // otherKind has made sure that there is none
    const layer = layers.get(name.layer) ?? { name: name.layer };
    if (layer[name.role]) {
      throw new LoraError(
        'no-modules',
        {
          en: `The file has "${name.layer}" twice, in two notations, so it is not clear which is meant. Get it from its author again.`,
          zh: `文件中“${name.layer}”以两种写法出现了两次，无法确定用哪一个。请向作者重新获取。`,
        },
        name.layer,
      );
    }
    layer[name.role] = entry;
    layer.path ??= name.path;
    layers.set(name.layer, layer);
  }
  return layers;
}

function checkLayer(
  { name, path, down, up, alpha }: Found,
  metadata: Readonly<Record<string, string>>,
): LocatedLayer {
  if (!down || !up) {
    const missing = down ? 'lora_up.weight' : 'lora_down.weight';
    throw new LoraError(
      'missing-half',
      `"${name}" has no ${missing}. The file is incomplete; get it again.`,
      name,
    );
  }
  const [rank] = down.shape;
  const pointwise = ({ shape }: TensorEntry) =>
    shape.length === 2 || (shape.length === 4 && shape[2] * shape[3] === 1);
  if (!pointwise(down) || !pointwise(up) || up.shape[1] !== rank || rank < 1 || rank > maxRank) {
    const sentence = `"${name}" has shapes [${down.shape.join(', ')}] and [${up.shape.join(', ')}]; expected [rank, in] and [out, rank], with 1x1 kernels at most.`;
    throw new LoraError('wrong-shape', sentence, name);
  }
  for (const entry of [down, up]) checkWeights(entry, name);
  if (alpha) checkAlpha(alpha, name);
  const said = path === undefined ? undefined : peftAlpha(metadata, path, rank);
  return { name, rank, down, downShape: down.shape, up, upShape: up.shape, alpha: alpha ?? said };
}

function checkWeights({ name, dtype, start, end }: TensorEntry, layer: string): void {
  if (!isFloatDtype(dtype)) {
    throw new LoraError(
      'not-float',
      `"${name}" is ${dtype}; expected a type of floating-point numbers.`,
      layer,
    );
  }
  if (end - start > maxTensorBytes) {
    throw new LoraError(
      'too-large',
      `"${name}" takes ${end - start} bytes; no layer of a model that is known here needs that.`,
      layer,
    );
  }
}

function checkAlpha({ name, dtype, shape }: TensorEntry, layer: string): void {
  if (shape.reduce((product, side) => product * side, 1) !== 1) {
    throw new LoraError(
      'wrong-shape',
      `"${name}" has shape [${shape.join(', ')}]; expected a single number.`,
      layer,
    );
  }
  if (!isFloatDtype(dtype) && !(/^[IU]\d+$/.test(dtype) && dtypeBits[dtype] >= 8)) {
    throw new LoraError('not-float', `"${name}" is ${dtype}; expected a number.`, layer);
  }
}

/**
 * Checks that a LoRA fits the layers of a model. Returns the targets by name that the file has layers for. Throws
 * LoraError naming the first layer that the model lacks or that has other widths.
 */
export function matchLora(
  layers: readonly LoraLayer[],
  targets: readonly LoraTarget[],
): Map<string, LoraTarget> {
  const byName = new Map(targets.map((target) => [target.name, target]));
  const matched = new Map<string, LoraTarget>();
  for (const layer of layers) {
    const target = byName.get(layer.name);
    if (!target) {
      const sentence = `The LoRA has a layer "${layer.name}" that the base model lacks. It was made for another model or with other target layers.`;
      throw new LoraError('unknown-module', sentence, layer.name);
    }
    if (layer.downShape[1] !== target.inFeatures || layer.upShape[0] !== target.outFeatures) {
      const sentence = `"${layer.name}" maps ${layer.downShape[1]} to ${layer.upShape[0]} features; the base model needs ${target.inFeatures} to ${target.outFeatures}. The LoRA was made for another model.`;
      throw new LoraError('wrong-shape', sentence, layer.name);
    }
    matched.set(layer.name, target);
  }
  return matched;
}

/** The smallest and the largest rank among the layers. */
export function ranksOf(layers: readonly Pick<LoraLayer, 'rank'>[]): { least: number; most: number } {
  const ranks = layers.map(({ rank }) => rank);
  return { least: Math.min(...ranks), most: Math.max(...ranks) };
}

/** Not all layers have one rank: such a LoRA keeps the rank and alpha of each, whatever the settings say. */
export function ranksDiffer(layers: readonly Pick<LoraLayer, 'rank'>[]): boolean {
  const { least, most } = ranksOf(layers);
  return least !== most;
}

/**
 * Throws LoraError where all layers have a higher rank than `rank`, the run's, with the rank to set, or some layer a higher
 * one than can be trained. A lower rank is padded; ranks that differ among each other are kept.
 */
export function checkRanks(layers: readonly LoraLayer[], rank: number): void {
  const { least, most } = ranksOf(layers);
  const limit = configFields.lora_rank.max;
  const en = least === most ? `rank ${most}` : `ranks ${least} to ${most}`;
  const zh = least === most ? `秩为 ${most}` : `各层的秩为 ${least} 到 ${most}`;
  if (most > limit) {
    throw new LoraError('other-ranks', {
      en: `This LoRA has ${en}. Up to ${limit} can be trained here, so it cannot be continued, but it can be drawn with. To continue it, reduce it first, under LoRA files in Results or by: npm run lora -- resize FILE --rank ${limit} --out SMALLER.safetensors`,
      zh: `此 LoRA ${zh}。这里最多训练到 ${limit}，因此不能继续训练，但可以用来生成。要继续训练，请先降低它的秩：在“结果”的“LoRA 文件”中，或运行 npm run lora -- resize FILE --rank ${limit} --out SMALLER.safetensors`,
    });
  }
  if (least === most && most > rank) {
    throw new LoraError('wrong-rank', {
      en: `This LoRA has ${en}, the settings say lora_rank ${rank}. Set lora_rank to ${most} to continue it.`,
      zh: `此 LoRA ${zh}，而设置中 lora_rank 为 ${rank}。请把 lora_rank 设为 ${most}，再从它继续训练。`,
    });
  }
}
