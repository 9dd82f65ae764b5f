/**
 * The state of an interrupted run as a safetensors file: LoRA masters, optimizer moments, the optimizer's scalars, the
 * step; a checksum over all of it, and what the run depends on (run_facts.ts). Everything random is a function of
 * (seed, step), so nothing else is needed to go on bit for bit.
 */
import type { EngineFacts } from '../../protocol/engine_errors';
import type { ByteSource } from '../../formats/safetensors/byte_source';
import { readHeader, type SafetensorsFile } from '../../formats/safetensors/safetensors';
import { SafetensorsError } from '../../formats/safetensors/safetensors_error';
import { writeSafetensors } from '../../formats/safetensors/safetensors_write';
import { sha256Hex } from '../../formats/safetensors/sha256';
import { parseBoundedJson } from '../../formats/text/bounded_json';
import type { StateTensor } from '../step/optimizer';
import { readTuning, type Tuning } from '../../kernels/tuned';
import { areRanks, type RunFacts } from './run_facts';

export interface RunState {
  /** Updates done. */
  step: number;
  /** What must be equal for the state to fit, as a digest: for versions that do not know `facts`. */
  fingerprint: string;
  /** What the run depends on; missing in states from before it was remembered. */
  facts?: RunFacts;
  /** When the run began, in milliseconds since 1970, so that a resumed run's metadata equals the whole run's. */
  startedAt: number;
  averageLoss: number;
  /** Losses in that average. */
  averageCount: number;
  /** Pictures that went through the GPU at once; missing in states from before there was a choice. */
  microBatch?: number;
  /** How products were cut and computed; missing where nothing was measured. */
  tuning?: Tuning;
  tensors: Record<StateTensor, Float32Array>;
}

const NAMES: readonly StateTensor[] = ['values', 'moment1', 'moment2', 'optimizer'];
const FORMAT = 'lora-studio-state-2';
/** From before there was a checksum. */
const OLD_FORMAT = 'lora-studio-state-1';

type Codes = EngineFacts['ResumeError'];

/** A saved state that cannot be resumed. */
export class ResumeError<Code extends keyof Codes = keyof Codes> extends Error {
  override readonly name = 'ResumeError';
  constructor(
    readonly code: Code,
    readonly facts: Codes[Code],
    sentence: string,
  ) {
    super(sentence);
  }
}

export async function writeState(state: RunState): Promise<Uint8Array<ArrayBuffer>> {
  const { step, fingerprint, facts, startedAt, averageLoss, averageCount, microBatch, tuning, tensors } =
    state;
  const parts = NAMES.map((name) => ({
    name,
    dtype: 'F32' as const,
    shape: [tensors[name].length],
    data: bytesOf(tensors[name]),
  }));
  const metadata: Record<string, string> = {
    format: FORMAT,
    step: String(step),
    fingerprint,
    startedAt: String(startedAt),
    averageLoss: String(averageLoss),
    averageCount: String(averageCount),
    ...(microBatch === undefined ? {} : { microBatch: String(microBatch) }),
    ...(tuning === undefined ? {} : { tuning: JSON.stringify(tuning) }),
    ...(facts === undefined ? {} : { facts: JSON.stringify(facts) }),
  };
  const digests: string[] = [];
  for (const { data } of parts) digests.push(await sha256Hex(data));
  return writeSafetensors(parts, { ...metadata, checksum: await checksumOf(metadata, digests) });
}

/** A state whose checksum holds, or that is from before there was one; its tensors are still in the file. */
export interface SavedState extends Omit<RunState, 'tensors'> {
  /** Throws `ResumeError` where a tensor has not so many elements, or, without a checksum, is not finite. */
  load(sizes: Record<StateTensor, number>): Promise<RunState['tensors']>;
}

/** Reads the whole file once, a tensor at a time. Throws `ResumeError` for one that is no state, or damaged. */
export async function openState(source: ByteSource): Promise<SavedState> {
  const header = await headerOf(source);
  const { metadata, tensors } = header;
  const { checksum, ...said } = metadata;
  if (metadata['format'] !== FORMAT && metadata['format'] !== OLD_FORMAT) {
    throw new ResumeError(
      'not-a-state',
      {},
      'This is not a saved training state. Choose the .state.safetensors file of the run.',
    );
  }
  if (metadata['format'] === FORMAT) {
    const digests: string[] = [];
    for (const name of NAMES) digests.push(await digestOf(source, header, name));
    if ((await checksumOf(said, digests)) !== checksum)
      throw damaged('its checksum does not fit its content');
  }
  const step = Number(metadata['step']);
  const startedAt = Number(metadata['startedAt']);
  if (!Number.isSafeInteger(step) || step < 0 || !Number.isFinite(startedAt))
    throw damaged(`it says step "${metadata['step']}", begun at "${metadata['startedAt']}"`);
  const microBatch = Number(metadata['microBatch']);
  const averageLoss = Number(metadata['averageLoss']);
  if (!Number.isFinite(averageLoss)) throw damaged(`its average loss is "${metadata['averageLoss']}"`);
  return {
    step,
    fingerprint: metadata['fingerprint'] ?? '',
    ...(metadata['facts'] === undefined ? {} : { facts: readFacts(metadata['facts']) }),
    startedAt,
    averageLoss,
    // States from before it was counted took every step for a loss.
    averageCount: Number(metadata['averageCount'] ?? step),
    ...(Number.isSafeInteger(microBatch) && microBatch > 0 ? { microBatch } : {}),
    ...(metadata['tuning'] === undefined ? {} : { tuning: savedTuning(metadata['tuning']) }),
    load: async (sizes) => {
      const load = async (name: StateTensor): Promise<Float32Array> => {
        const entry = tensors.get(name);
        if (!entry || entry.dtype !== 'F32' || (entry.end - entry.start) / 4 !== sizes[name]) {
          throw new ResumeError(
            'other-size',
            {},
            `The saved state's "${name}" is missing or of another size; the rank or the trained parts differ.`,
          );
        }
        const values = new Float32Array(await source.slice(entry.start, entry.end));
        // The optimizer's scalars are counts and bits.
        if (
          metadata['format'] !== FORMAT &&
          name !== 'optimizer' &&
          values.some((value) => !Number.isFinite(value))
        )
          throw damaged(`"${name}" holds values that are not finite`);
        return values;
      };
      return {
        values: await load('values'),
        moment1: await load('moment1'),
        moment2: await load('moment2'),
        optimizer: await load('optimizer'),
      };
    },
  };
}

/** A state, and where it is not the newest: the step of that, if it can be read. */
export interface SoundState {
  state: SavedState;
  newest?: number;
  fellBack: boolean;
}

/** The first of `states` that is sound. */
export async function soundState(states: readonly ByteSource[]): Promise<SoundState | undefined> {
  let first: unknown;
  for (const [at, source] of states.entries()) {
    try {
      const state = await openState(source);
      const newest = at === 0 ? undefined : await stepOf(states[0]);
      return { state, fellBack: at > 0, ...(newest === undefined ? {} : { newest }) };
    } catch (error) {
      if (!(error instanceof ResumeError && error.code === 'damaged')) throw error;
      first ??= error;
    }
  }
  if (first !== undefined) throw first;
  return undefined;
}

async function stepOf(source: ByteSource | undefined): Promise<number | undefined> {
  const header = source && (await readHeader(source).catch(() => undefined));
  const step = Number(header?.metadata['step']);
  return Number.isSafeInteger(step) && step >= 0 ? step : undefined;
}

async function headerOf(source: ByteSource): Promise<SafetensorsFile> {
  try {
    return await readHeader(source);
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    throw damaged(error.message.replace(/\.$/, ''));
  }
}

async function digestOf(source: ByteSource, { tensors }: SafetensorsFile, name: string): Promise<string> {
  const entry = tensors.get(name);
  if (!entry) throw damaged(`"${name}" is missing`);
  return sha256Hex(new Uint8Array(await source.slice(entry.start, entry.end)));
}

function savedTuning(text: string): Tuning {
  let tuning: Tuning | undefined;
  try {
    tuning = readTuning(parseBoundedJson(text, { values: 100, depth: 3 }));
  } catch {
    tuning = undefined;
  }
  if (!tuning) throw damaged('how it was computed cannot be read');
  return tuning;
}

/** Only what `changesSince` goes through is looked at: a file may be anyone's. */
function readFacts(text: string): RunFacts {
  let facts: Partial<RunFacts>;
  try {
    facts = parseBoundedJson(text, { values: 1_500_000, depth: 12 }) as Partial<RunFacts>;
  } catch {
    throw damaged('what it depends on cannot be read');
  }
  const { settings, pictures, base } = facts;
  const lists = Array.isArray(pictures) && pictures.every(Array.isArray) && Array.isArray(base?.legacy);
  if (!lists || typeof settings !== 'object' || !areRanks(facts.ranks))
    throw damaged('what it depends on cannot be read');
  return facts as RunFacts;
}

/** Whatever order a writer gives the metadata. */
function checksumOf(metadata: Readonly<Record<string, string>>, digests: readonly string[]): Promise<string> {
  const entries = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256Hex(new TextEncoder().encode(JSON.stringify([entries, digests])));
}

function damaged(why: string): ResumeError<'damaged'> {
  return new ResumeError('damaged', {}, `The saved training state is damaged: ${why}.`);
}

function bytesOf(values: Float32Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength);
}
