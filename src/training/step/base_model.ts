/**
 * Streams a base model from disk to the GPU, tensor by tensor: never more of it in host memory than one tensor. Takes
 * the single file people have (`v1-5-pruned.safetensors`) or the three files of a diffusers folder.
 */
import type { ByteSource } from '../../formats/safetensors/byte_source';
import type { ModelPart } from '../../formats/checkpoint/checkpoint_keys';
import {
  CheckpointError,
  identifyCheckpoint,
  mapCheckpoint,
  refuseQuantized,
  usableKinds,
} from '../../formats/checkpoint/checkpoint_kind';
import { toFloats, toHalves } from '../../formats/safetensors/halves';
import { isFloatDtype, readHeader, type TensorEntry } from '../../formats/safetensors/safetensors';
import {
  CheckpointShapeError,
  inferText,
  inferUnet,
  inferVae,
  type Shapes,
  type TextConfig,
  type UnetConfig,
  type VaeConfig,
} from '../../models/config';
import { timestepFrequencies } from '../../kernels/embedding/embedding';
import { settled } from '../../kernels/program';
import { textShapes } from '../../models/clip';
import { FREQUENCIES, unetBlocks, type UnetBlock } from '../../models/unet';
import { unetShapes } from '../../models/unet_shapes';
import { vaeShapes } from '../../models/vae';
import { Weights, checkShapes, storageOf } from '../../models/weights';

export interface BaseModel {
  unet: { config: UnetConfig; blocks: UnetBlock[]; weights: Weights };
  vae: { config: VaeConfig; weights: Weights };
  text: { config: TextConfig; weights: Weights };
}

export interface LoadOptions {
  /** Bytes of tensors read so far, and in all. */
  onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** Stops between two tensors; `loadBaseModel` then rejects with the signal's reason, all GPU memory given back. */
  signal?: AbortSignal;
}

interface Located {
  source: ByteSource;
  entry: TensorEntry;
}

export interface BaseModelConfig {
  unet: UnetConfig;
  vae: VaeConfig;
  text: TextConfig;
}

/** What the headers of the files say, before any tensor is read. */
export interface BaseModelPlan extends BaseModelConfig {
  tensors: Record<ModelPart, Map<string, Located>>;
  /** The VAE's file, where one was given beside a checkpoint of one file. */
  ownVae?: ByteSource;
}

/**
 * Reads the headers only. Throws `SafetensorsError` for what is no safetensors file, `CheckpointError` for one that is
 * not a Stable Diffusion 1.x base model (naming what it is), `CheckpointShapeError` for missing or misshapen tensors.
 */
export async function planBaseModel(files: readonly ByteSource[]): Promise<BaseModelPlan> {
  const tensors: BaseModelPlan['tensors'] = { unet: new Map(), vae: new Map(), text: new Map() };
  for (const source of files) {
    const header = await readHeader(source);
    const { kind, sentence } = identifyCheckpoint(header.tensors);
    if (!usableKinds.includes(kind)) throw new CheckpointError('kind', { kind }, sentence);
    refuseQuantized(header.tensors);
    const map = mapCheckpoint(header.tensors.keys());
    // A VAE of its own takes the place of the checkpoint's.
    if (kind === 'vae' && [...map.parts.vae.keys()].some((name) => tensors.vae.has(name)))
      tensors.vae.clear();
    for (const part of PARTS) {
      for (const [name, own] of map.parts[part]) {
        const entry = header.tensors.get(own);
        if (entry && tensors[part].has(name)) throw twice(part);
        if (entry) tensors[part].set(name, { source, entry });
      }
    }
  }
  const missing = PARTS.filter((part) => tensors[part].size === 0);
  if (missing.length) throw lacking(missing);
  const shapes = {
    unet: shapesOf(tensors.unet),
    vae: shapesOf(tensors.vae),
    text: shapesOf(tensors.text),
  };
  const plan = {
    unet: unetOfSd1(shapes.unet),
    vae: inferVae(shapes.vae),
    text: inferText(shapes.text),
    tensors,
  };
  if (plan.vae.latentChannels !== plan.unet.inChannels) {
    throw new CheckpointShapeError(
      `The VAE has ${plan.vae.latentChannels} channels and the U-Net takes ${plan.unet.inChannels}: they do not belong together.`,
    );
  }
  checkShapes('U-Net', shapes.unet, shapesNeeded(plan, 'unet'));
  checkShapes('VAE', shapes.vae, shapesNeeded(plan, 'vae'));
  checkShapes('Text encoder', shapes.text, shapesNeeded(plan, 'text'));
  const ownVae = vaeBeside(tensors);
  return { ...plan, ...(ownVae ? { ownVae } : {}) };
}

/** Eight heads in every level, and one block a transformer: more of them are SDXL's. */
function unetOfSd1(shapes: Shapes): UnetConfig {
  const config = inferUnet(shapes, { heads: 8 });
  if (Math.max(config.middleDepth, ...config.depths) > 1) {
    throw new CheckpointShapeError(
      'U-Net: more than one transformer block a layer, as in SDXL; this trainer knows Stable Diffusion 1.x.',
    );
  }
  return config;
}

function vaeBeside({ unet, text, vae }: BaseModelPlan['tensors']): ByteSource | undefined {
  const [[a], [b], [c]] = [unet, text, vae].map((part) => [...part.values()].map(({ source }) => source));
  return a === b && c !== a ? c : undefined;
}

const PARTS = ['unet', 'text', 'vae'] as const satisfies readonly ModelPart[];
const WORDS: Readonly<Record<ModelPart, string>> = { unet: 'U-Net', text: 'text encoder', vae: 'VAE' };

function lacking(missing: readonly ModelPart[]): CheckpointError {
  const what = missing.map((part) => `the ${WORDS[part]}`).join(' and ');
  const remedy =
    missing.length === 1 && missing[0] === 'vae'
      ? 'Give a VAE of its own beside it (the setting vae), or a whole checkpoint.'
      : 'Give the whole checkpoint, or all files of the diffusers folder.';
  const kind = missing.length === 1 && missing[0] === 'vae' ? 'sd1-no-vae' : 'unknown';
  return new CheckpointError('kind', { kind, lacks: missing }, `The base model lacks ${what}. ${remedy}`);
}

function twice(part: ModelPart): CheckpointError {
  const sentence = `Two of the files have the ${WORDS[part]}. Give one checkpoint, or the parts of one model.`;
  return new CheckpointError('twice', { part }, sentence);
}

/**
 * Loads some parts of a planned model. The caller disposes their weights when it needs them no longer. Throws
 * `CheckpointError` for tensors that cannot be used; whatever it throws, no GPU memory is kept.
 */
export async function loadParts<P extends ModelPart>(
  plan: BaseModelPlan,
  parts: readonly P[],
  options: LoadOptions = {},
): Promise<Pick<BaseModel, P>> {
  const model = emptyModel(plan);
  const jobs = parts.flatMap((part) =>
    [...shapesNeeded(plan, part)].map(([name, shape]) => ({
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
      await loadTensor(model[part].weights, name, shape, at);
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
    for (const part of parts) model[part].weights.dispose();
    throw error;
  }
  const dim = plan.unet.blockChannels[0] ?? 0;
  if ((parts as readonly ModelPart[]).includes('unet'))
    model.unet.weights.addFloat(FREQUENCIES, [dim], timestepFrequencies(dim));
  return pick(model, parts);
}

/** Loads everything. */
export async function loadBaseModel(
  files: readonly ByteSource[],
  options: LoadOptions = {},
): Promise<BaseModel> {
  return loadParts(await planBaseModel(files), ['text', 'vae', 'unet'], options);
}

/** Parts with room on the GPU but without values, for predictions: dispose their weights as usual. */
export function reserveParts<P extends ModelPart>(
  config: BaseModelConfig,
  parts: readonly P[],
): Pick<BaseModel, P> & Partial<BaseModel> {
  const all = emptyModel(config);
  for (const part of parts) {
    for (const [name, shape] of shapesNeeded(config, part)) all[part].weights.reserve(name, shape);
    if (part === 'unet') all.unet.weights.reserve(FREQUENCIES, [config.unet.blockChannels[0] ?? 0]);
  }
  return pick(all, parts);
}

/** Written to the GPU without waiting for it to arrive there. */
const STAGED_BYTES = 64 * 2 ** 20;

function emptyModel(plan: BaseModelConfig): BaseModel {
  return {
    unet: { config: plan.unet, blocks: unetBlocks(plan.unet), weights: new Weights('U-Net') },
    vae: { config: plan.vae, weights: new Weights('VAE') },
    text: { config: plan.text, weights: new Weights('text encoder') },
  };
}

function pick<P extends ModelPart>(model: BaseModel, parts: readonly P[]): Pick<BaseModel, P> {
  return Object.fromEntries(parts.map((part) => [part, model[part]])) as unknown as Pick<BaseModel, P>;
}

function shapesNeeded(plan: BaseModelConfig, part: ModelPart): Map<string, number[]> {
  if (part === 'unet') return unetShapes(plan.unet);
  return part === 'vae' ? vaeShapes(plan.vae) : textShapes(plan.text);
}

async function loadTensor(
  weights: Weights,
  name: string,
  shape: readonly number[],
  { source, entry }: Located,
): Promise<void> {
  const { dtype } = entry;
  if (!isFloatDtype(dtype)) return; // planBaseModel has made sure that there is none
  const bytes = await source.slice(entry.start, entry.end);
  if (bytes.byteLength !== entry.end - entry.start) {
    throw new CheckpointError(
      'cut',
      { tensor: entry.name },
      `"${entry.name}" at byte ${entry.start}: ${entry.end - entry.start} bytes expected, ${bytes.byteLength} read. The file changed or is cut short.`,
    );
  }
  if (storageOf(name, shape) === 'float') weights.addFloat(name, shape, toFloats(bytes, dtype));
  else {
    const { bits, nonFinite } = toHalves(bytes, dtype);
    if (nonFinite) {
      throw new CheckpointError(
        'non-finite',
        { tensor: entry.name, count: nonFinite },
        `"${entry.name}" has ${nonFinite} values that are infinite or not a number. The checkpoint is damaged; download it again.`,
      );
    }
    weights.addHalf(name, shape, bits);
  }
}

function shapesOf(tensors: ReadonlyMap<string, Located>): Map<string, readonly number[]> {
  return new Map([...tensors].map(([name, { entry }]) => [name, entry.shape]));
}
