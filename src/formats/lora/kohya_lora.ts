// A LoRA in kohya's file format: `<name>.lora_down.weight`, `.lora_up.weight`, `.alpha`, cast to one
// precision, with the hashes WebUI looks up. Source: kohya sd-scripts `networks/lora.py` and
// `library/train_util.py`; names are in lora_targets.ts, what is read from a header in lora_outline.ts.
import type { TrainConfig } from '../config/config_fields';
import type { ByteSource } from '../safetensors/byte_source';
import { f32ToBf16, f32ToF16, toFloats } from '../safetensors/halves';
import type { FamilyName } from '../families/families';
import { LoraError } from './lora_error';
import { outlineLora, type LocatedLayer } from './lora_outline';
import { isFloatDtype, type TensorEntry } from '../safetensors/safetensors';
import { sha256Hex } from '../safetensors/sha256';
import { writeSafetensors, type TensorToWrite } from '../safetensors/safetensors_write';

/** One adapted layer. Shapes: down [r, in] or [r, in, 1, 1], up [out, r] or [out, r, 1, 1]; alpha a scalar. */
export interface LoraModule {
  readonly name: string;
  readonly down: Float32Array;
  readonly downShape: readonly number[];
  readonly up: Float32Array;
  readonly upShape: readonly number[];
  readonly alpha: number;
}

export type SavePrecision = TrainConfig['save_precision'];

interface SavedAs {
  readonly dtype: TensorToWrite['dtype'];
  readonly bytes: number;
  /** Values so large or larger become infinite. */
  readonly limit: number;
  readonly cast: (values: Float32Array) => Float32Array | Uint16Array;
}

/** How the numbers of a LoRA are stored. */
export const savePrecisions: Readonly<Record<SavePrecision, SavedAs>> = {
  // A half overflows where the master weight did not: 65520 and up round to infinity.
  fp16: { dtype: 'F16', bytes: 2, limit: 65520, cast: f32ToF16 },
  bf16: { dtype: 'BF16', bytes: 2, limit: Number.MAX_VALUE, cast: f32ToBf16 },
  float: { dtype: 'F32', bytes: 4, limit: Number.MAX_VALUE, cast: (values) => values },
};

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

/** Throws LoraError for a value that is not finite in the precision. */
export function castTensor(
  name: string,
  values: Float32Array,
  shape: readonly number[],
  precision: SavePrecision,
): TensorToWrite {
  const { dtype, limit, cast } = savePrecisions[precision];
  for (let i = 0; i < values.length; i++) {
    if (!(Math.abs(values[i]) < limit)) {
      const sentence = `"${name}" holds ${values[i]} at index ${i}, which cannot be saved as ${precision}. The training diverged: lower the learning rate, or continue from the last good checkpoint.`;
      throw new LoraError('non-finite', sentence, name);
    }
  }
  return { name, dtype, shape, data: bytesOf(cast(values)) };
}

function bytesOf(values: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** A LoRA as read: modules in file order of their first tensor, values as f32. */
export interface LoraFile {
  /** Of base models that it is for. */
  readonly family: FamilyName;
  readonly modules: readonly (LoraModule & { readonly rank: number })[];
  readonly metadata: Record<string, string>;
  /** Embeddings that came in the same file, by name; they are not used. */
  readonly setAside: readonly string[];
}

/**
 * Reads a LoRA in kohya's names or diffusers'. `alpha` falls back to the rank where the file has none, as in kohya and
 * peft. Throws SafetensorsError for a broken file, LoraError for one that is no such LoRA.
 */
export async function parseLora(source: ByteSource): Promise<LoraFile> {
  const { family, layers, metadata, setAside } = await outlineLora(source);
  const modules: LoraFile['modules'][number][] = [];
  for (const layer of layers) modules.push(await readLayer(source, layer));
  return { family, modules, metadata, setAside };
}

async function readLayer(source: ByteSource, layer: LocatedLayer): Promise<LoraFile['modules'][number]> {
  const { name, rank, down, downShape, up, upShape } = layer;
  return {
    name,
    rank,
    down: await readFloats(source, down, name),
    downShape,
    up: await readFloats(source, up, name),
    upShape,
    alpha: await alphaOf(source, layer),
  };
}

/** A layer's alpha. kohya takes 0 for "same as the rank", as where the file says none. */
export async function alphaOf(
  source: ByteSource,
  { name, rank, alpha }: Pick<LocatedLayer, 'name' | 'rank' | 'alpha'>,
): Promise<number> {
  const said = typeof alpha === 'object' ? await readScalar(source, alpha, name) : alpha;
  return said || rank;
}

/** A float of any type; or a whole number, which sd-scripts writes where its setting was one. */
async function readScalar(source: ByteSource, entry: TensorEntry, layer: string): Promise<number> {
  if (isFloatDtype(entry.dtype)) return (await readFloats(source, entry, layer))[0];
  const view = new DataView(await source.slice(entry.start, entry.end));
  switch (entry.dtype) {
    case 'I8':
      return view.getInt8(0);
    case 'U8':
      return view.getUint8(0);
    case 'I16':
      return view.getInt16(0, true);
    case 'U16':
      return view.getUint16(0, true);
    case 'I32':
      return view.getInt32(0, true);
    case 'U32':
      return view.getUint32(0, true);
    case 'I64':
      return Number(view.getBigInt64(0, true));
    case 'U64':
      return Number(view.getBigUint64(0, true));
    case 'BOOL':
    case 'C64':
    case 'F4':
    case 'F6_E2M3':
    case 'F6_E3M2':
    case 'F8_E4M3FNUZ':
    case 'F8_E5M2FNUZ':
    case 'F8_E8M0':
      // The outline has refused these already.
      throw new LoraError('not-float', `"${entry.name}" is ${entry.dtype}; expected a number.`, layer);
  }
}

async function readFloats(source: ByteSource, entry: TensorEntry, layer: string): Promise<Float32Array> {
  // The outline has refused what is no float.
  const dtype = isFloatDtype(entry.dtype) ? entry.dtype : 'F32';
  const values = toFloats(await source.slice(entry.start, entry.end), dtype);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new LoraError(
      'non-finite',
      `"${entry.name}" holds ${values[bad]} at index ${bad}. This LoRA is broken; choose an earlier save of it.`,
      layer,
    );
  }
  return values;
}
