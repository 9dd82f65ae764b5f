/**
 * What a person gave as base model, told by content: one whole checkpoint, or the parts of a diffusers folder. Reads
 * headers only. Anything else is refused for what it is; the sentences are in messages.ts.
 */
import { fromBlob } from '../../formats/byte_source';
import { identifyCheckpoint, mapCheckpoint, type CheckpointKind } from '../../formats/checkpoint_kind';
import { readHeader } from '../../formats/safetensors';
import { SafetensorsError, type SafetensorsErrorCode } from '../../formats/safetensors_error';
import { sentenceOf } from '../sentence';

const PARTS = ['unet', 'text', 'vae'] as const;
export type Part = (typeof PARTS)[number];

export type Recognised =
  | { readonly fits: true; readonly name: string; readonly files: readonly File[] }
  | { readonly fits: false; readonly file: string; readonly why: Refusal };

export type Refusal =
  | { readonly is: Exclude<CheckpointKind, 'sd1'> }
  | { readonly damaged: SafetensorsErrorCode; readonly bytes: number; readonly expected?: number }
  | { readonly lacks: readonly Part[] }
  | { readonly unreadable: string };

/** A model folder also holds texts, pictures and other precisions; only its safetensors files are looked at. */
export async function recogniseBase(files: readonly File[]): Promise<Recognised> {
  const models = files.length === 1 ? files : ofDiffusersFolder(files);
  const has = new Set<Part>();
  for (const file of models) {
    const found = await partsOf(file);
    if ('why' in found) return { fits: false, file: file.name, why: found.why };
    for (const part of found.parts) has.add(part);
  }
  const lacks = PARTS.filter((part) => !has.has(part));
  const name = nameOf(models, files);
  const [only] = has;
  if (files.length === 1 && only !== undefined && has.size === 1)
    return { fits: false, file: files[0].name, why: { is: only === 'text' ? 'text-encoder' : only } };
  if (lacks.length) return { fits: false, file: name, why: { lacks } };
  return { fits: true, name, files: models };
}

async function partsOf(file: File): Promise<{ parts: readonly Part[] } | { why: Refusal }> {
  try {
    const { tensors } = await readHeader(fromBlob(file));
    const { kind } = identifyCheckpoint(tensors);
    if (!['sd1', 'unet', 'vae', 'text-encoder'].includes(kind)) {
      return { why: { is: kind as Exclude<CheckpointKind, 'sd1'> } };
    }
    const { parts } = mapCheckpoint(tensors.keys());
    return { parts: PARTS.filter((part) => parts[part].size > 0) };
  } catch (error) {
    if (!(error instanceof SafetensorsError)) {
      return { why: { unreadable: sentenceOf(error) } };
    }
    const expected = error.code === 'truncated' ? Number.parseInt(error.expected, 10) : NaN;
    return {
      why: {
        damaged: error.code,
        bytes: file.size,
        ...(Number.isFinite(expected) ? { expected } : {}),
      },
    };
  }
}

/** One file a part: the plain one before `.fp16`, and not the safety checker beside them. */
function ofDiffusersFolder(files: readonly File[]): readonly File[] {
  const models = files.filter(
    (file) => /\.safetensors$/i.test(file.name) && !/safety_checker/.test(file.webkitRelativePath),
  );
  const plain = new Set(models.map((file) => pathOf(file)));
  const chosen = models.filter((file) => {
    const path = pathOf(file);
    const simple = path.replace(/\.(fp16|non_ema)(?=\.safetensors$)/, '');
    return simple === path || !plain.has(simple);
  });
  return chosen.length ? chosen : files.slice(0, 1);
}

function pathOf(file: File): string {
  return file.webkitRelativePath || file.name;
}

/** A file's name without its ending, or that of the folder. */
function nameOf(models: readonly File[], files: readonly File[]): string {
  if (models.length === 1) return models[0].name.replace(/\.safetensors$/i, '');
  const folder = files[0]?.webkitRelativePath.split('/')[0];
  return folder || models.map(({ name }) => name).join(' + ');
}
