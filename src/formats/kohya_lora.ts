// A LoRA in kohya's file format: `<name>.lora_down.weight`, `.lora_up.weight`, `.alpha`, cast to one
// precision, with the hashes WebUI looks up. Source: kohya sd-scripts `networks/lora.py` and
// `library/train_util.py` (see the project's training reference); names are in kohya_names.ts.
import type { ByteSource } from './byte_source';
import { f32ToBf16, f32ToF16, isFloatDtype, toFloats } from './halves';
import type { LoraTarget } from './kohya_names';
import { readHeader, type SafetensorsFile, type TensorEntry } from './safetensors';
import { sha256Hex } from './sha256';
import { writeSafetensors, type TensorToWrite } from './safetensors_write';

/** One adapted layer. Shapes: down [r, in] or [r, in, 1, 1], up [out, r] or [out, r, 1, 1]; alpha a scalar. */
export interface LoraModule {
  readonly name: string;
  readonly down: Float32Array;
  readonly downShape: readonly number[];
  readonly up: Float32Array;
  readonly upShape: readonly number[];
  readonly alpha: number;
}

export type SavePrecision = 'fp16' | 'bf16' | 'float';

export type LoraErrorCode =
  | 'no-modules'
  | 'other-method'
  | 'missing-half'
  | 'wrong-shape'
  | 'not-float'
  | 'too-large'
  | 'non-finite'
  | 'unknown-module'
  | 'wrong-rank'
  /** Layers of several ranks, or of more than can be trained here. */
  | 'other-ranks';

/** Why a LoRA cannot be read, written or continued; names the layer. */
export class LoraError extends Error {
  override name = 'LoraError';
  constructor(
    readonly code: LoraErrorCode,
    sentence: string,
    readonly module?: string,
  ) {
    super(sentence);
  }

  get facts() {
    return { module: this.module };
  }
}

/**
 * Builds the file. `metadata` is written as it is, with `sshs_model_hash` and `sshs_legacy_hash` added.
 * Throws LoraError for a weight that is not finite in the chosen precision, SafetensorsError for wrong shapes.
 */
export async function buildLoraFile(lora: {
  readonly modules: readonly LoraModule[];
  readonly precision: SavePrecision;
  readonly metadata: Readonly<Record<string, string>>;
}): Promise<Uint8Array<ArrayBuffer>> {
  const tensors = lora.modules.flatMap((module) => moduleTensors(module, lora.precision));
  const hashes = await loraHashes(tensors, lora.metadata);
  return writeSafetensors(tensors, { ...lora.metadata, ...hashes });
}

/** Both hashes are taken from a serialisation that carries `ss_*` alone, as kohya's are. */
export async function loraHashes(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): Promise<{ sshs_model_hash: string; sshs_legacy_hash: string }> {
  const ssOnly = Object.fromEntries(Object.entries(metadata).filter(([key]) => key.startsWith('ss_')));
  const file = writeSafetensors(tensors, ssOnly);
  const headerBytes = Number(new DataView(file.buffer).getBigUint64(0, true));
  return {
    sshs_model_hash: await sha256Hex(file.subarray(8 + headerBytes)),
    sshs_legacy_hash: await legacyHash(file),
  };
}

/** The short hash of old WebUIs: sha256 of the bytes 0x100000 to 0x10FFFF, first 8 hex digits. */
export async function legacyHash(source: ByteSource | Uint8Array<ArrayBuffer>): Promise<string> {
  const start = Math.min(0x100000, source.byteLength);
  const bytes = await source.slice(start, Math.min(0x110000, source.byteLength));
  return (await sha256Hex(new Uint8Array(bytes))).slice(0, 8);
}

function moduleTensors(module: LoraModule, precision: SavePrecision): TensorToWrite[] {
  const { name } = module;
  return [
    castTensor(`${name}.lora_down.weight`, module.down, module.downShape, precision),
    castTensor(`${name}.lora_up.weight`, module.up, module.upShape, precision),
    castTensor(`${name}.alpha`, Float32Array.of(module.alpha), [], precision),
  ];
}

function castTensor(
  name: string,
  values: Float32Array,
  shape: readonly number[],
  precision: SavePrecision,
): TensorToWrite {
  // A half overflows where the master weight did not: 65520 and up round to infinity.
  const limit = precision === 'fp16' ? 65520 : Number.MAX_VALUE;
  for (let i = 0; i < values.length; i++) {
    if (!(Math.abs(values[i]) < limit)) {
      const sentence = `"${name}" holds ${values[i]} at index ${i}, which cannot be saved as ${precision}. The training diverged: lower the learning rate, or continue from the last good checkpoint.`;
      throw new LoraError('non-finite', sentence, name);
    }
  }
  switch (precision) {
    case 'fp16':
      return { name, dtype: 'F16', shape, data: bytesOf(f32ToF16(values)) };
    case 'bf16':
      return { name, dtype: 'BF16', shape, data: bytesOf(f32ToBf16(values)) };
    case 'float':
      return { name, dtype: 'F32', shape, data: bytesOf(values) };
  }
}

function bytesOf(values: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** A LoRA as read: modules in file order of their first tensor, values as f32. */
export interface LoraFile {
  readonly modules: readonly (LoraModule & { readonly rank: number })[];
  readonly metadata: Record<string, string>;
}

/** No rank above this is taken for one; the widest layer of SD 1.x has 10240 outputs. */
const maxRank = 4096;
/** The largest single tensor that is loaded, in bytes; rank 4096 on SD 1.x's widest layer fits. */
const maxTensorBytes = 256 * 2 ** 20;

/**
 * Reads a kohya LoRA. `alpha` falls back to the rank where the file has none, as in kohya.
 * Throws SafetensorsError for a broken file, LoraError for one that is no such LoRA.
 */
export async function parseLora(source: ByteSource): Promise<LoraFile> {
  const header = await readHeader(source);
  const modules: (LoraModule & { rank: number })[] = [];
  for (const entries of groupModules(header).values()) modules.push(await readModule(source, entries));
  return { modules, metadata: header.metadata };
}

interface ModuleEntries {
  readonly name: string;
  down?: TensorEntry;
  up?: TensorEntry;
  alpha?: TensorEntry;
}

function groupModules(header: SafetensorsFile): Map<string, ModuleEntries> {
  const modules = new Map<string, ModuleEntries>();
  for (const entry of header.tensors.values()) {
    const [, name, role] =
      /^(lora_(?:unet|te)_[^.]+)\.(lora_down\.weight|lora_up\.weight|alpha)$/.exec(entry.name) ?? [];
    if (name === undefined) throw otherLora(entry.name);
    const module = modules.get(name) ?? { name };
    if (role === 'alpha') module.alpha = entry;
    else if (role === 'lora_up.weight') module.up = entry;
    else module.down = entry;
    modules.set(name, module);
  }
  if (modules.size === 0) {
    throw new LoraError(
      'no-modules',
      'This file holds no LoRA layers. Choose a LoRA made for Stable Diffusion 1.x.',
    );
  }
  return modules;
}

function otherLora(key: string): LoraError {
  const quoted = `"${key.slice(0, 120)}"`;
  if (/^lora_te[12]_/.test(key)) {
    return new LoraError(
      'other-method',
      `This LoRA is for SDXL (it holds ${quoted}). Choose one made for Stable Diffusion 1.x.`,
    );
  }
  if (/hada_|lokr_|dora_scale|oft_|lora_mid/.test(key)) {
    return new LoraError(
      'other-method',
      `This file uses another method than plain LoRA (it holds ${quoted}), which cannot be continued here.`,
    );
  }
  if (/\.lora_[AB]\.|\.lora\.(down|up)\./.test(key)) {
    return new LoraError(
      'other-method',
      `This LoRA has diffusers' names (it holds ${quoted}). Convert it to kohya's format first.`,
    );
  }
  return new LoraError(
    'no-modules',
    `${quoted} is not a tensor of a kohya LoRA. Choose a LoRA file, not a base model.`,
  );
}

async function readModule(
  source: ByteSource,
  { name, down, up, alpha }: ModuleEntries,
): Promise<LoraModule & { rank: number }> {
  if (!down || !up) {
    const missing = down ? 'lora_up.weight' : 'lora_down.weight';
    throw new LoraError(
      'missing-half',
      `"${name}" has no ${missing}. The file is incomplete; get it again.`,
      name,
    );
  }
  const rank = down.shape[0];
  const pointwise = ({ shape }: TensorEntry) =>
    shape.length === 2 || (shape.length === 4 && shape[2] * shape[3] === 1);
  if (!pointwise(down) || !pointwise(up) || up.shape[1] !== rank || rank < 1 || rank > maxRank) {
    const sentence = `"${name}" has shapes [${down.shape.join(', ')}] and [${up.shape.join(', ')}]; expected [rank, in] and [out, rank], with 1x1 kernels at most.`;
    throw new LoraError('wrong-shape', sentence, name);
  }
  const alphaValue = alpha ? await readScalar(source, alpha, name) : rank;
  return {
    name,
    rank,
    down: await readFloats(source, down, name),
    downShape: down.shape,
    up: await readFloats(source, up, name),
    upShape: up.shape,
    // kohya takes an alpha of 0 for "same as the rank".
    alpha: alphaValue === 0 ? rank : alphaValue,
  };
}

async function readScalar(source: ByteSource, entry: TensorEntry, module: string): Promise<number> {
  if (entry.shape.reduce((product, side) => product * side, 1) !== 1) {
    throw new LoraError(
      'wrong-shape',
      `"${entry.name}" has shape [${entry.shape.join(', ')}]; expected a single number.`,
      module,
    );
  }
  return (await readFloats(source, entry, module))[0];
}

async function readFloats(source: ByteSource, entry: TensorEntry, module: string): Promise<Float32Array> {
  if (!isFloatDtype(entry.dtype)) {
    throw new LoraError('not-float', `"${entry.name}" is ${entry.dtype}; expected F16, BF16 or F32.`, module);
  }
  if (entry.end - entry.start > maxTensorBytes) {
    throw new LoraError(
      'too-large',
      `"${entry.name}" takes ${entry.end - entry.start} bytes; no layer of Stable Diffusion 1.x needs that.`,
      module,
    );
  }
  const values = toFloats(await source.slice(entry.start, entry.end), entry.dtype);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new LoraError(
      'non-finite',
      `"${entry.name}" holds ${values[bad]} at index ${bad}. This LoRA is broken; choose an earlier save of it.`,
      module,
    );
  }
  return values;
}

/**
 * Checks that a LoRA fits the layers of a model. Returns the targets by name that the file has modules for.
 * Throws LoraError naming the first layer that the model lacks or that has other widths, and where ranks
 * differ between layers or from `rank` (if given).
 */
export function matchLora(
  lora: LoraFile,
  targets: readonly LoraTarget[],
  rank?: number,
): Map<string, LoraTarget> {
  const byName = new Map(targets.map((target) => [target.name, target]));
  const matched = new Map<string, LoraTarget>();
  for (const module of lora.modules) {
    const target = byName.get(module.name);
    if (!target) {
      const sentence = `The LoRA has a layer "${module.name}" that the base model lacks. It was made for another model or with other target layers.`;
      throw new LoraError('unknown-module', sentence, module.name);
    }
    if (module.downShape[1] !== target.inFeatures || module.upShape[0] !== target.outFeatures) {
      const sentence = `"${module.name}" maps ${module.downShape[1]} to ${module.upShape[0]} features; the base model needs ${target.inFeatures} to ${target.outFeatures}. The LoRA was made for another model.`;
      throw new LoraError('wrong-shape', sentence, module.name);
    }
    if (rank !== undefined && module.rank !== rank) {
      const sentence = `"${module.name}" has rank ${module.rank}, the settings say ${rank}. Set lora_rank to ${module.rank} to continue this LoRA.`;
      throw new LoraError('wrong-rank', sentence, module.name);
    }
    matched.set(module.name, target);
  }
  return matched;
}
