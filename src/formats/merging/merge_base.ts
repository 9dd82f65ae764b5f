// LoRAs merged into a base model: W + sum of weight · alpha / rank · up·down for each adapted layer, everything else byte
// for byte, in the names, order and types of the file that came in. Streamed: of the base there are never more than some
// megabytes in memory. The sum is made in f64 and rounded once to the layer's own type.
import { mapCheckpoint } from '../checkpoint/checkpoint_kind';
import { factsOfBase, lacking } from '../checkpoint/lacking';
import { refuseValues } from '../checkpoint/values';
import type { FamilyFacts, MappedTensor, PartName } from '../families/family_facts';
import { LoraError } from '../lora/lora_error';
import { refuseOtherFamily } from '../lora/lora_kind';
import { matchLora } from '../lora/lora_outline';
import { LORA_PARTS, targetsInCheckpoint, type LoraTarget } from '../lora/lora_targets';
import type { ByteSource } from '../safetensors/byte_source';
import { f32ToBf16, f32ToF16, toFloats } from '../safetensors/halves';
import { readHeader, type SafetensorsFile, type TensorEntry } from '../safetensors/safetensors';
import { safetensorsHeader } from '../safetensors/safetensors_write';
import type { LoraModule } from '../lora/kohya_lora';
import type { WeightedLora } from './combine';
import { rankOf, strengthOf } from './change';
import { weightOf } from './weights';

/** Bytes that are read and written at a time. */
const PIECE = 8 * 2 ** 20;

/** One file of the merged model: its length in bytes, and its bytes in order. */
export interface MergedFile {
  readonly bytes: number;
  /** How many of its layers are changed. */
  readonly changed: number;
  pieces(): AsyncGenerator<Uint8Array<ArrayBuffer>>;
}

/** A LoRA's module with what its product is multiplied by, alpha / rank included. */
interface Scaled {
  readonly module: LoraModule;
  readonly factor: number;
}
/** What is added to one tensor of the file. Nothing of the LoRAs is copied: at rank 128 one takes 0.3 GB. */
type Addition = Scaled & Pick<MappedTensor, 'rows' | 'transposed'>;

/**
 * Reads headers and checks that every module of every LoRA finds its layer. `metadata` says what becomes of each file's.
 * Throws SafetensorsError, CheckpointError (no base model, or one that lacks what a LoRA adapts), LoraError (`unknown-module`, `wrong-shape`; `not-float` for a layer of a type that cannot be
 * written); while writing, LoraError `non-finite` where a merged weight does not fit its type.
 */
export async function planMerge(
  base: readonly ByteSource[],
  loras: readonly WeightedLora[],
  metadata: (own: Readonly<Record<string, string>>) => Record<string, string>,
): Promise<MergedFile[]> {
  const headers = await Promise.all(base.map(readHeader));
  const all = headers.map(({ tensors }) => tensors);
  const family = factsOfBase(all);
  const targets = targetsInCheckpoint(all);
  for (const { family: of, modules } of loras) {
    if (of) refuseOtherFamily(of, family);
    const missing = family.parts.filter((part) => isAdapted(part, modules, family) && !has(targets, part));
    if (missing.length > 0) throw lacking(missing);
    matchLora(
      modules.map((module) => ({ ...module, rank: rankOf(module) })),
      targets,
    );
  }
  const byName = new Map(targets.map((target) => [target.name, target]));
  const wanted = new Map<string, Scaled[]>();
  for (const { modules, weights } of loras) {
    for (const module of modules) {
      const target = byName.get(module.name);
      const factor = weightOf(weights, module.name) * strengthOf(module);
      if (!target || factor === 0) continue;
      const tensor = `${target.part} ${target.path}.weight`;
      wanted.set(tensor, [...(wanted.get(tensor) ?? []), { module, factor }]);
    }
  }
  return headers.map((header, index) => {
    const additions = additionsTo(header, wanted, family);
    for (const key of additions.keys()) checkType(header.tensors.get(key));
    return mergedFile(base[index], header, additions, metadata(header.metadata));
  });
}

function isAdapted(part: PartName, modules: readonly LoraModule[], family: FamilyFacts): boolean {
  const naming = part === 'vae' ? undefined : family.lora[part];
  return naming !== undefined && modules.some(({ name }) => name.startsWith(`${naming.prefix}_`));
}

function has(targets: readonly LoraTarget[], part: PartName): boolean {
  return targets.some((target) => target.part === part);
}

/** By the file's own names. */
function additionsTo(
  { tensors }: SafetensorsFile,
  wanted: ReadonlyMap<string, readonly Scaled[]>,
  family: FamilyFacts,
): ReadonlyMap<string, readonly Addition[]> {
  const { parts } = mapCheckpoint(tensors.keys(), family);
  const additions = new Map<string, Addition[]>();
  for (const part of LORA_PARTS) {
    for (const [name, { key, ...how }] of parts[part]) {
      const scaled = wanted.get(`${part} ${name}`) ?? [];
      if (scaled.length === 0) continue;
      additions.set(key, [...(additions.get(key) ?? []), ...scaled.map((each) => ({ ...each, ...how }))]);
    }
  }
  return additions;
}

const writable = ['F16', 'BF16', 'F32', 'F64'] as const;
type Writable = (typeof writable)[number];

function isWritable(dtype: string): dtype is Writable {
  return (writable as readonly string[]).includes(dtype);
}

function checkType(entry: TensorEntry | undefined): void {
  if (!entry || isWritable(entry.dtype)) return;
  throw new LoraError('not-float', {
    en: `"${entry.name}" of the base model is ${entry.dtype}, too coarse to merge a LoRA into. Use the checkpoint in F16, BF16 or F32.`,
    zh: `底模中的“${entry.name}”类型为 ${entry.dtype}，精度太低，无法合并 LoRA。请使用 F16、BF16 或 F32 的底模。`,
  });
}

function mergedFile(
  source: ByteSource,
  { tensors, dataStart }: SafetensorsFile,
  additions: ReadonlyMap<string, readonly Addition[]>,
  metadata: Readonly<Record<string, string>>,
): MergedFile {
  const header = safetensorsHeader(
    [...tensors.values()].map(({ start, end, ...entry }) => ({ ...entry, bytes: end - start })),
    metadata,
  );
  return {
    bytes: header.length + source.byteLength - dataStart,
    // By the LoRAs' modules: of three projections in one matrix each is a layer.
    changed: new Set([...additions.values()].flatMap((all) => all.map(({ module }) => module.name))).size,
    async *pieces() {
      yield header;
      for (const entry of tensors.values()) {
        const added = additions.get(entry.name);
        if (added) yield* mergedTensor(source, entry, added);
        else yield* copied(source, entry.start, entry.end);
      }
    },
  };
}

async function* copied(
  source: ByteSource,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let at = start; at < end; at += PIECE)
    yield new Uint8Array(await source.slice(at, Math.min(at + PIECE, end)));
}

/** Rows at a time: a matrix, or a convolution of one pixel, with the outputs first (or last, where it lies transposed). */
async function* mergedTensor(
  source: ByteSource,
  { name, dtype, shape, start, end }: TensorEntry,
  additions: readonly Addition[],
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (!isWritable(dtype)) return;
  const [rows] = shape;
  const rowBytes = (end - start) / rows;
  const steps = additions.map((addition) => stepOf(addition, rows));
  const at = Math.max(1, Math.floor(PIECE / rowBytes));
  for (let first = 0; first < rows; first += at) {
    const until = Math.min(first + at, rows);
    const bytes = await source.slice(start + first * rowBytes, start + until * rowBytes);
    const values = dtype === 'F64' ? new Float64Array(bytes) : Float64Array.from(toFloats(bytes, dtype));
    // Of the base model itself: no smaller weight would help.
    refuseValues(name, { nonFinite: values.filter((value) => !Number.isFinite(value)).length, saturated: 0 });
    const width = values.length / (until - first);
    for (let row = first; row < until; row++) {
      const window = values.subarray((row - first) * width, (row - first + 1) * width);
      for (const add of steps) add(row, window);
    }
    yield written(values, dtype, name);
  }
}

/** Adds the module's change to one row of the tensor. */
function stepOf(
  { module, factor: strength, rows, transposed }: Addition,
  all: number,
): (row: number, values: Float64Array) => void {
  const rank = rankOf(module);
  const [inputs, outputs] = [module.down.length / rank, module.up.length / rank];
  const from = rows ? (rows.index * all) / rows.of : 0;
  // factor(row, k) · line(k) is what is added; transposed, the roles of up and down change.
  const [factors, lines] = transposed
    ? [turned(module.down, rank, inputs), turned(module.up, outputs, rank)]
    : [module.up, module.down];
  const height = transposed ? inputs : outputs;
  return (row, values) => {
    const own = row - from;
    if (own < 0 || own >= height) return;
    for (let k = 0; k < rank; k++) {
      const factor = strength * factors[own * rank + k];
      const line = k * values.length;
      if (factor !== 0) for (let i = 0; i < values.length; i++) values[i] += factor * lines[line + i];
    }
  };
}

/** [rows, cols] to [cols, rows] */
function turned(values: Float32Array, rows: number, cols: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) result[c * rows + r] = values[r * cols + c];
  return result;
}

function written(values: Float64Array, dtype: Writable, name: string): Uint8Array<ArrayBuffer> {
  // Beyond it a half is infinite, rounding included.
  const limit = dtype === 'F16' ? 65520 : dtype === 'F64' ? Number.MAX_VALUE : 3.4028235677973366e38;
  const bad = values.findIndex((value) => !(Math.abs(value) < limit));
  if (bad >= 0) {
    throw new LoraError('non-finite', {
      en: `Merged, "${name}" would hold ${values[bad]}, which ${dtype} cannot hold. Merge with a smaller weight, or into a base model in F32.`,
      zh: `合并后“${name}”中会出现 ${values[bad]}，${dtype} 无法表示。请用较小的权重合并，或合并到 F32 的底模。`,
    });
  }
  if (dtype === 'F64') return new Uint8Array(values.slice().buffer);
  const floats = Float32Array.from(values);
  const cast = dtype === 'F16' ? f32ToF16(floats) : dtype === 'BF16' ? f32ToBf16(floats) : floats;
  return new Uint8Array(cast.buffer as ArrayBuffer, cast.byteOffset, cast.byteLength);
}

/** The base model's own words stay, but for hashes that are no longer true; what was merged is said. */
export function mergedMetadata(
  own: Readonly<Record<string, string>>,
  from: readonly string[],
): Record<string, string> {
  const kept = Object.entries(own).filter(
    ([key]) => !/^sshs_|^modelspec\.(hash_sha256|merged_from)$/.test(key),
  );
  return { ...Object.fromEntries(kept), 'modelspec.merged_from': from.join(', ') };
}
