/**
 * What a person gave as base model, told by content: one whole checkpoint, or the parts of a diffusers folder. Reads
 * headers only. Anything else is refused for what it is; the sentences are in messages.ts.
 */
import { familyOf, type CheckpointKind } from '../../formats/checkpoint/kinds';
import { marksOfScheduler, marksTogether } from '../../formats/checkpoint/marks';
import { missingShards, modelFilesAmong } from '../../formats/checkpoint/diffusers_files';
import type { BaseReading } from '../../formats/reading/base_parts';
import type { SafetensorsErrorCode } from '../../formats/safetensors/safetensors_error';
import { withReader } from '../engine/reader';
import { sentenceOf } from '../sentence';
import { plainFacts, type FamilyName } from '../../formats/families/plain';
import type { ModelMarks, PartName } from '../../formats/families/family_facts';

/** In which parts are named, as people count them. */
const ORDER: readonly PartName[] = ['unet', 'text1', 'text2', 'vae'];

export type Recognised =
  | {
      readonly fits: true;
      readonly family: FamilyName;
      readonly name: string;
      readonly files: readonly File[];
      readonly marks: ModelMarks;
    }
  | { readonly fits: false; readonly file: string; readonly why: Refusal };

/** What a file is that is no base model, or none that can be trained on. */
export type WrongKind = Exclude<
  CheckpointKind,
  FamilyName | `${FamilyName}-${'no-vae' | 'no-text' | 'unet'}`
>;

export type Refusal =
  | { readonly is: WrongKind }
  | { readonly damaged: SafetensorsErrorCode; readonly bytes: number; readonly expected?: number }
  | { readonly lacks: readonly PartName[] }
  /** Two of the files have it. */
  | { readonly twice: PartName }
  /** Name of a shard. */
  | { readonly missing: string }
  /** A type of numbers. */
  | { readonly quantized: string }
  | { readonly unreadable: string };

/**
 * A model folder also holds texts, pictures and other precisions; only its safetensors files are looked at. A VAE beside a
 * whole checkpoint takes the place of the checkpoint's: it comes last among `files`.
 */
export async function recogniseBase(files: readonly File[], read?: ReadAll): Promise<Recognised> {
  const ordered = await inOrder(files.length === 1 ? files : ofDiffusersFolder(files), read);
  const models = ordered.map(({ file }) => file);
  const name = nameOf(models, files);
  const [missing] = missingShards(models.map(pathOf));
  if (missing !== undefined) return { fits: false, file: name, why: { missing } };
  const tensors: Record<PartName, Set<string>> = {
    unet: new Set(),
    text1: new Set(),
    text2: new Set(),
    vae: new Set(),
  };
  const needed = new Set<PartName>();
  const kinds: CheckpointKind[] = [];
  for (const { file, found } of ordered) {
    if ('why' in found) return { fits: false, file: pathOf(file), why: found.why };
    kinds.push(found.kind);
  }
  const family = familyOf(kinds);
  if (!family) return { fits: false, file: name, why: { is: 'empty' } };
  for (const { found: each } of ordered) {
    if ('why' in each) continue;
    const found = { ...each, parts: each.parts[family] };
    for (const part of plainFacts[family].parts) {
      needed.add(part);
      const twice = found.parts[part].some((tensor) => tensors[part].has(tensor));
      if (twice && !isOnlyVae(found)) return { fits: false, file: name, why: { twice: part } };
      for (const tensor of found.parts[part]) tensors[part].add(tensor);
    }
  }
  const parts = ORDER.filter((part) => needed.has(part));
  const has = parts.filter((part) => tensors[part].size > 0);
  const lacks = parts.filter((part) => tensors[part].size === 0);
  const [only] = has;
  if (files.length === 1 && only !== undefined && has.length === 1)
    return { fits: false, file: files[0].name, why: { is: ALONE[only] } };
  if (lacks.length) return { fits: false, file: name, why: { lacks } };
  const marks = ordered.flatMap(({ found }) => ('marks' in found ? [found.marks] : []));
  return {
    fits: true,
    family,
    name,
    files: models,
    marks: marksTogether([...marks, await scheduled(files)]),
  };
}

/** What the scheduler of a diffusers folder says. */
async function scheduled(files: readonly File[]): Promise<ModelMarks> {
  const file = files.find((each) => /(^|\/)scheduler\/scheduler_config\.json$/.test(pathOf(each)));
  if (!file || file.size > 100_000) return {};
  return marksOfScheduler(await file.text().catch(() => ''));
}

/** What a file is that holds one part alone. */
const ALONE: Readonly<Record<PartName, WrongKind>> = {
  unet: 'unet',
  text1: 'text-encoder',
  text2: 'text-encoder',
  vae: 'vae',
};

/** VAEs last. */
async function inOrder(
  files: readonly File[],
  read: ReadAll = inWorker,
): Promise<{ file: File; found: Found }[]> {
  const readings = await read(files);
  const all = files.map((file, i) => ({ file, found: foundIn(readings[i], file) }));
  const isVae = ({ found }: { found: Found }) => isOnlyVae(found);
  return [...all.filter((each) => !isVae(each)), ...all.filter(isVae)];
}

/** What each is, or the error that kept it from being read. */
export type ReadAll = (files: readonly File[]) => Promise<(BaseReading | Error)[]>;

const inWorker: ReadAll = (files) =>
  withReader((reader) =>
    Promise.all(
      files.map((file) =>
        reader
          .baseParts(file)
          .catch((error: unknown) => (error instanceof Error ? error : new Error(String(error)))),
      ),
    ),
  );

/** The files that hold a VAE and nothing else. */
export async function vaesAmong(files: readonly File[]): Promise<File[]> {
  const read = await inOrder(files);
  return read.filter(({ found }) => isOnlyVae(found)).map(({ file }) => file);
}

/** Names of tensors by family and part, or why it cannot be used. */
type Found =
  | { readonly kind: CheckpointKind; readonly parts: PartsByFamily; readonly marks: ModelMarks }
  | { readonly why: Refusal };
type PartsByFamily = NonNullable<Extract<BaseReading, { kind: unknown }>['known']>['parts'];

function isOnlyVae(found: { readonly kind: CheckpointKind } | { readonly why: Refusal }): boolean {
  return 'kind' in found && found.kind === 'vae';
}

function foundIn(read: BaseReading | Error, { size }: File): Found {
  if (read instanceof Error) return { why: { unreadable: sentenceOf(read) } };
  if ('damaged' in read) {
    const expected = read.damaged === 'truncated' ? Number.parseInt(read.expected, 10) : NaN;
    return {
      why: { damaged: read.damaged, bytes: size, ...(Number.isFinite(expected) ? { expected } : {}) },
    };
  }
  const { kind, known } = read;
  if (!known) return { why: { is: kind as WrongKind } };
  const { parts, quantized, marks } = known;
  return quantized === undefined ? { kind, parts, marks } : { why: { quantized } };
}

/** One file a part, or its shards. */
function ofDiffusersFolder(files: readonly File[]): readonly File[] {
  const taken = new Set(modelFilesAmong(files.map(pathOf)));
  const chosen = files.filter((file) => taken.has(pathOf(file)));
  return chosen.length ? chosen : files.slice(0, 1);
}

function pathOf(file: File): string {
  return file.webkitRelativePath || file.name;
}

/** A file's name without its ending, or that of the folder; of a checkpoint and its VAE, both. */
function nameOf(models: readonly File[], files: readonly File[]): string {
  const [folder, inside] = pathOf(files[0]).split('/');
  if (models.length > 1 && inside !== undefined) return folder;
  return models.map(({ name }) => name.replace(/\.safetensors$/i, '')).join(' + ');
}
