/**
 * Streams a base model from disk to the GPU, tensor by tensor: never more of it in host memory than one tensor. Takes
 * the single file people have (`v1-5-pruned.safetensors`) or the three files of a diffusers folder.
 */
import type { ByteSource } from '../../formats/safetensors/byte_source';
import {
  CheckpointError,
  identifyCheckpoint,
  mapCheckpoint,
  refuseQuantized,
} from '../../formats/checkpoint/checkpoint_kind';
import { familyOfBase, lacking } from '../../formats/checkpoint/lacking';
import { refuseValues } from '../../formats/checkpoint/values';
import { countNonFinite, toFloats, toHalves } from '../../formats/safetensors/halves';
import { isFloatDtype, readHeader } from '../../formats/safetensors/safetensors';
import type { TextConfig, UnetConfig, VaeConfig } from '../../models/config';
import { timestepFrequencies } from '../../kernels/embedding/embedding';
import { settled, trim } from '../../kernels/program';
import { FREQUENCIES, type UnetBlock } from '../../models/unet';
import { bytesOf, shapeOf, turned, type Located } from './located';
import { vaeHalf, type VaeHalf } from '../../models/vae';
import type { BasePrecision } from '../../models/storage';
import { Weights, checkShapes } from '../../models/weights';
import type { PartName, TextPart } from '../../formats/families/family_facts';
import type { Family, ModelConfig } from '../../models/family';
import { families } from '../../models/families';
import type { Model } from '../../models/layers';
import type { LoraOf } from '../../models/lora';
import type { NoiseSchedule } from '../../models/schedule';
import { partWords } from '../../formats/families/family_facts';

export interface BaseModel {
  family: Family;
  schedule: NoiseSchedule;
  unet: { config: UnetConfig; blocks: UnetBlock[]; weights: Weights };
  vae: { config: VaeConfig; weights: Weights };
  text1: { config: TextConfig; weights: Weights };
  text2?: { config: TextConfig; weights: Weights };
}

/** Some of its parts. */
export type BaseParts<P extends PartName> = Pick<BaseModel, P | 'family' | 'schedule'>;
/** What prompts are encoded with. */
export type TextEncoders = BaseParts<'text1'> & Partial<Pick<BaseModel, 'text2'>>;

export interface LoadOptions {
  /** Bytes of tensors read so far, and in all. */
  onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** Of the VAE only this half. */
  vae?: VaeHalf;
  /** Stops between two tensors; `loadBaseModel` then rejects with the signal's reason, all GPU memory given back. */
  signal?: AbortSignal;
}

export interface BaseModelConfig extends ModelConfig {
  readonly family: Family;
  /** How the U-Net is stored, which is most of the weights that stay while a LoRA is trained. In halves if left out. */
  readonly basePrecision?: BasePrecision;
}

/** What the headers of the files say, before any tensor is read. */
export interface BaseModelPlan extends BaseModelConfig {
  schedule: NoiseSchedule;
  tensors: Record<PartName, Map<string, Located>>;
  /** The VAE's file, where one was given beside a checkpoint of one file. */
  ownVae?: ByteSource;
}

/**
 * Reads the headers only. Throws `SafetensorsError` for what is no safetensors file, `CheckpointError` for one that is
 * no base model of a known family (naming what it is), `CheckpointShapeError` for missing or misshapen tensors.
 */
export async function planBaseModel(files: readonly ByteSource[]): Promise<BaseModelPlan> {
  const tensors: BaseModelPlan['tensors'] = {
    unet: new Map(),
    vae: new Map(),
    text1: new Map(),
    text2: new Map(),
  };
  const headers = await Promise.all(files.map(readHeader));
  const family: Family = families[familyOfBase(headers.map((header) => header.tensors))];
  for (const [index, header] of headers.entries()) {
    const source = files[index];
    const { kind } = identifyCheckpoint(header.tensors);
    refuseQuantized(header.tensors, family);
    const map = mapCheckpoint(header.tensors.keys(), family);
    // A VAE of its own takes the place of the checkpoint's.
    if (kind === 'vae' && [...map.parts.vae.keys()].some((name) => tensors.vae.has(name)))
      tensors.vae.clear();
    for (const part of family.parts) {
      for (const [name, { key, ...how }] of map.parts[part]) {
        const entry = header.tensors.get(key);
        if (entry && tensors[part].has(name)) throw twice(part);
        if (entry) tensors[part].set(name, { source, entry, ...how });
      }
    }
  }
  const missing = ORDER.filter((part) => family.parts.includes(part) && tensors[part].size === 0);
  if (missing.length) throw lacking(missing);
  const shapes = {
    unet: shapesOf(tensors.unet),
    vae: shapesOf(tensors.vae),
    text1: shapesOf(tensors.text1),
    text2: shapesOf(tensors.text2),
  };
  const config = family.infer(shapes);
  for (const part of ORDER.filter((each) => family.parts.includes(each)))
    checkShapes(capital(partWords[part].en), shapes[part], family.shapes(config, part));
  const ownVae = vaeBeside(tensors);
  return { ...config, family, schedule: family.schedule(), tensors, ...(ownVae ? { ownVae } : {}) };
}

function vaeBeside({ unet, text1, vae }: BaseModelPlan['tensors']): ByteSource | undefined {
  const [[a], [b], [c]] = [unet, text1, vae].map((part) => [...part.values()].map(({ source }) => source));
  return a === b && c !== a ? c : undefined;
}

/** In which parts are named and checked. */
const ORDER: readonly PartName[] = ['unet', 'text1', 'text2', 'vae'];

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function twice(part: PartName): CheckpointError {
  const sentence = `Two of the files have the ${partWords[part].en}. Give one checkpoint, or the parts of one model.`;
  return new CheckpointError('twice', { part }, sentence);
}

/**
 * Loads some parts of a planned model. The caller disposes their weights when it needs them no longer. Throws
 * `CheckpointError` for tensors that cannot be used; whatever it throws, no GPU memory is kept.
 */
export async function loadParts<P extends PartName>(
  plan: BaseModelPlan,
  parts: readonly P[],
  options: LoadOptions = {},
): Promise<BaseParts<P>> {
  const model = emptyModel(plan);
  const jobs = parts.flatMap((part) =>
    shapesIn(plan, part, options.vae).map(([name, shape]) => ({
      part,
      name,
      shape,
      at: plan.tensors[part].get(name),
    })),
  );
  const total = jobs.reduce((sum, { at }) => sum + (at ? at.entry.end - at.entry.start : 0), 0);
  let done = 0;
  let staged = 0;
  try {
    for (const { part, name, shape, at } of jobs) {
      options.signal?.throwIfAborted();
      if (!at) continue; // planBaseModel has made sure that there is none
      await loadTensor(weightsOf(model, part), name, shape, at);
      const bytes = at.entry.end - at.entry.start;
      done += bytes;
      staged += bytes;
      if (staged > STAGED_BYTES) {
        await settled();
        staged = 0;
      }
      options.onProgress?.(done, total);
    }
  } catch (error) {
    disposeParts(pick(model, parts));
    throw error;
  }
  // What halves were quantized from.
  trim();
  const dim = plan.unet.blockChannels[0] ?? 0;
  if ((parts as readonly PartName[]).includes('unet'))
    model.unet.weights.addFloat(FREQUENCIES, [dim], timestepFrequencies(dim));
  return pick(model, parts);
}

/** Loads everything. */
export async function loadBaseModel(
  files: readonly ByteSource[],
  options: LoadOptions = {},
): Promise<BaseModel> {
  const plan = await planBaseModel(files);
  return loadParts<PartName>(plan, plan.family.parts, options);
}

/** Parts (of the VAE one half, where it is named) with room on the GPU but without values, for predictions: dispose their weights as usual. */
export function reserveParts<P extends PartName>(
  config: BaseModelConfig,
  parts: readonly P[],
  vae?: VaeHalf,
): BaseParts<P> & Partial<BaseModel> {
  const all = emptyModel(config);
  for (const part of parts) {
    for (const [name, shape] of shapesIn(config, part, vae)) weightsOf(all, part).reserve(name, shape);
    if (part === 'unet') all.unet.weights.reserve(FREQUENCIES, [config.unet.blockChannels[0] ?? 0]);
  }
  return pick(all, parts);
}

function shapesIn(config: BaseModelConfig, part: PartName, vae: VaeHalf | undefined): [string, number[]][] {
  const shapes = [...config.family.shapes(config, part)];
  return part === 'vae' && vae ? shapes.filter(([name]) => vaeHalf(name) === vae) : shapes;
}

/** Written to the GPU without waiting for it to arrive there. */
const STAGED_BYTES = 64 * 2 ** 20;

function emptyModel(plan: BaseModelConfig & { schedule?: NoiseSchedule }): BaseModel {
  const { family, unet, vae, text1, text2, basePrecision } = plan;
  return {
    family,
    schedule: plan.schedule ?? family.schedule(),
    unet: { config: unet, blocks: family.blocks(unet), weights: new Weights('U-Net', basePrecision) },
    vae: { config: vae, weights: new Weights('VAE') },
    text1: { config: text1, weights: new Weights('text encoder') },
    ...(text2 ? { text2: { config: text2, weights: new Weights('text encoder 2') } } : {}),
  };
}

function weightsOf(model: BaseModel, part: PartName): Weights {
  const weights = model[part]?.weights;
  if (!weights) throw new Error(`This family of models has no ${part}.`);
  return weights;
}

function pick<P extends PartName>(model: BaseModel, parts: readonly P[]): BaseParts<P> {
  const { family, schedule } = model;
  const picked = Object.fromEntries(parts.map((part) => [part, model[part]]));
  return { family, schedule, ...picked } as unknown as BaseParts<P>;
}

/** Gives back the GPU memory of the parts that are there. */
export function disposeParts(model: Partial<BaseModel>): void {
  for (const part of ORDER) model[part]?.weights.dispose();
}

/** The configuration of a model that is loaded. */
export function configOf({ family, unet, vae, text1, text2 }: BaseModel): BaseModelConfig {
  return {
    family,
    unet: unet.config,
    vae: vae.config,
    text1: text1.config,
    ...(text2 ? { text2: text2.config } : {}),
  };
}

/** What the text encoders' shapes say. */
export function textConfigs({
  text1,
  text2,
}: Pick<BaseModel, 'text1'> & Partial<Pick<BaseModel, 'text2'>>): Pick<ModelConfig, TextPart> {
  return { text1: text1.config, ...(text2 ? { text2: text2.config } : {}) };
}

/** The text encoders as models, with a LoRA if there is one. */
export function textModels(
  { text1, text2 }: Partial<Pick<BaseModel, TextPart>>,
  lora?: LoraOf,
): Partial<Record<TextPart, Model>> {
  const of = (part: TextPart, { weights }: { weights: Weights }): Model => ({
    weights,
    ...(lora ? { lora: lora(part) } : {}),
  });
  return { ...(text1 ? { text1: of('text1', text1) } : {}), ...(text2 ? { text2: of('text2', text2) } : {}) };
}

async function loadTensor(
  weights: Weights,
  name: string,
  shape: readonly number[],
  at: Located,
): Promise<void> {
  const { entry } = at;
  const { dtype } = entry;
  if (!isFloatDtype(dtype)) return; // planBaseModel has made sure that there is none
  const bytes = await bytesOf(at);
  if (weights.storageOf(name, shape) === 'float') {
    const floats = toFloats(bytes, dtype);
    refuseValues(entry.name, { nonFinite: countNonFinite(floats), saturated: 0 });
    weights.addFloat(name, shape, turned(floats, at));
  } else {
    const halves = toHalves(bytes, dtype);
    const { bits } = halves;
    refuseValues(entry.name, halves);
    weights.addHalf(name, shape, turned(bits, at));
  }
}

function shapesOf(tensors: ReadonlyMap<string, Located>): Map<string, readonly number[]> {
  return new Map([...tensors].map(([name, at]) => [name, shapeOf(at)]));
}
