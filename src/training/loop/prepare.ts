/**
 * From files and pictures to a run that is ready for its next step. Text encoders and VAE come first, one after the other
 * (`encode_texts.ts`, `encode_pictures.ts`), and leave the GPU before the U-Net arrives; text encoders that are trained come with it.
 */
import type { EngineFacts } from '../../protocol/engine_errors';
import type { ByteSource } from '../../formats/safetensors/byte_source';
import { legacyHash } from '../../formats/lora/kohya_lora';
import { ranksDiffer, ranksOf } from '../../formats/lora/lora_outline';
import type { TrainConfig } from '../../formats/config/config_fields';
import { makeTokenizer, type Tokenizer } from '../../formats/captions/tokenizer';
import { gpu } from '../../kernels/device';
import { upload, type Program } from '../../kernels/program';
import type { LoraParameters, LoraShape } from '../../models/lora';
import type { LatentStore, ToldError, TrainEvent } from '../../protocol/trainer';
import type { Asks } from './asks';
import { disposeParts, loadParts, planBaseModel, type BaseModelPlan } from '../step/base_model';
import type { BatchConfig } from '../data/batches';
import { ResumeError, soundState, type RunState, type SavedState, type SoundState } from './checkpoint';
import { checkBucketStep, placeImages, type CachedImage, type TrainingImage } from '../data/dataset';
import { KeptTexts } from '../data/kept_texts';
import { encodePictures } from './encode_pictures';
import { encodeTexts, loadedPart, type EncodedCaptions, type Encoding } from './encode_texts';
import { idleModules } from '../step/idle_modules';
import { adapters, RUN_KINDS } from '../step/kinds';
import type { KeptRanks, LoraBeginning } from '../step/lora_file';
import { fitMemory } from '../plan/fit_memory';
import { largestBatch, runPrograms, type Economy, type MemoryPrediction } from '../plan/memory';
import {
  createOptimizer,
  disposeOptimizer,
  optimizerSizes,
  restoreOptimizer,
  updatesOf,
  type Optimizer,
} from '../step/optimizer';
import { alphaFactor, changesSentence, changesSince, ranksFrom, runFacts, type RunFacts } from './run_facts';
import { checkSchedule, type ScheduleConfig } from '../step/schedule';
import { cutPrompts } from '../sampling/sample_texts';
import { StepEngine, type TrainedParts } from '../step/step';
import { RunSettingsError } from '../plan/run_settings_error';
import { tuneFor, type TuningCache } from '../plan/tuning';
import { fingerprintOf, outlineOf, scheduleOf, type Outline } from '../plan/run_plan';
import type { TextPart } from '../../formats/families/family_facts';

export interface TrainingRun {
  config: TrainConfig;
  base: {
    name: string;
    files: readonly ByteSource[];
    /** SHA-256 of the checkpoint, where it is one file, and of a VAE of its own: for the metadata. */
    whole?: Promise<string>;
    vae?: { name: string; whole?: Promise<string> };
  };
  images: readonly TrainingImage[];
  /** CLIP's merge list. */
  merges: string;
  /** A LoRA to continue from. */
  pretrained?: ByteSource;
  /** The saved state of this same run, to resume; and those before it, newest first, for where it is damaged. */
  state?: ByteSource;
  olderStates?: readonly ByteSource[];
  /** Asks the run to finish its step, save and end. */
  signal?: AbortSignal;
  /** What else is asked of it meanwhile. After a 'paused' event, call `next()` when `asks.attention()` resolves. */
  asks?: Asks;
  /** Milliseconds since 1970; for metadata and timing. */
  now?: () => number;
  /** Where the latents of pictures whose files have a digest are kept between runs. */
  latents?: LatentStore;
  /** Captions encoded at a time, where not as many as the host holds. */
  captionsAtOnce?: number;
  /** Where what was measured of the adapter is kept. */
  tunings?: TuningCache;
  /** False runs every step the plain way, without recording. */
  record?: boolean;
  /** GB of memory that the graphics card has, where a person said so. */
  cardGb?: number;
  /** Start even if the prediction is over a budget that was set by hand. */
  anyway?: boolean;
  /** Take no more than this at once: see `trainAdapting`. */
  most?: Economy;
  /** Those of step 0 are there already, from before the run began again with less. */
  firstSamplesDrawn?: boolean;
}

export interface Prepared {
  /** The text encoders only where they are trained. */
  base: TrainedParts;
  plan: BaseModelPlan;
  lora: LoraParameters;
  optimizer: Optimizer;
  engine: StepEngine;
  images: readonly CachedImage[];
  batching: BatchConfig;
  schedule: ScheduleConfig;
  tokenizer: Tokenizer;
  encoding: Encoding;
  /** What the U-Net is told of the captions of the next steps, where no text encoder is trained. */
  captions: EncodedCaptions | undefined;
  /** Of what samples are drawn from, by `textKey`; none where a text encoder is trained. */
  prompts: KeptTexts;
  memory: MemoryPrediction;
  fingerprint: string;
  facts: RunFacts;
  baseHash: string;
  /** Of a VAE of its own. */
  vaeHash: string | undefined;
  startedAt: number;
  averageLoss: number;
  /** Losses in that average. */
  averageCount: number;
  steps: number;
  stepsPerEpoch: number;
  batchesPerEpoch: number;
  /** What steps and samples run, to be compiled before them. */
  programs: readonly Program[];
  /** Steps done. */
  step: number;
  /** Of them, those known to have been taken: one whose gradient is not finite is left out. */
  updates: number;
  /** As many as there were when it was saved last; undefined where it never was. */
  saved: number | undefined;
  dispose(): void;
}

function longPrompt(tokens: number, text: string): ToldError {
  const facts: EngineFacts['LongPrompt']['cut'] = { tokens, text };
  return {
    sentence: `A sample prompt has ${tokens} tokens, of which 225 are read: "${text}…".`,
    error: { name: 'LongPrompt', code: 'cut', facts },
  };
}

function keptRanksTold(shapes: readonly LoraShape[], kept: KeptRanks): ToldError {
  const own = shapes.filter(({ name }) => kept.has(name));
  const facts: EngineFacts['KeptRanks']['kept'] = { ...ranksOf(own), anew: shapes.length - own.length };
  const rest =
    facts.anew > 0 ? `, except for the ${facts.anew} modules of a part that it has not trained yet` : '';
  return {
    sentence: `The LoRA that is continued has ranks ${facts.least} to ${facts.most}: each of its modules keeps its rank and alpha, and lora_rank and lora_alpha do not count${rest}.`,
    error: { name: 'KeptRanks', code: 'kept', facts },
  };
}

/**
 * Yields phases, progress and the plan; returns the run, or nothing where the saved state is that of a complete one: then
 * nothing is loaded, and what was saved stays as it is. Disposes everything if it throws.
 */
export async function* prepare(run: TrainingRun): AsyncGenerator<TrainEvent, Prepared | undefined> {
  const { config } = run;
  if (!config.train_unet && !config.train_text_encoder) {
    throw new RunSettingsError('nothing-trained');
  }
  if (!run.images.length) throw new RunSettingsError('no-pictures');
  yield { kind: 'phase', phase: 'load' };
  const read = await planBaseModel(run.base.files);
  checkBucketStep(config, read.family);
  // Before anything is loaded: a LoRA that cannot be continued is said at once. A saved state has its own values.
  const adapter = adapters[RUN_KINDS.adapter];
  const begin: LoraBeginning =
    run.pretrained && !run.state
      ? await adapter.continued(run.pretrained, read, config)
      : { kept: undefined, values: adapter.fresh(read.family, config.seed) };
  const found = run.state && (await soundState([run.state, ...(run.olderStates ?? [])]));
  const kept = found ? ranksFrom(found.state.facts) : begin.kept;
  const tokenizer = makeTokenizer(run.merges, read.text1.vocabulary);
  const placed = placeImages(run.images, config);
  const outline = outlineOf(read, config, placed, run.cardGb, kept);
  const { plan, request, sampling, steps } = outline;
  const blocks = plan.family.blocks(plan.unet).length;
  checkSchedule(scheduleOf(config, steps));
  if (sampling)
    for (const { text, tokens } of cutPrompts(tokenizer, config))
      yield { kind: 'note', ...longPrompt(tokens, text.slice(0, 60)) };
  const legacy: string[] = [];
  for (const file of run.base.files) legacy.push(await legacyHash(file));
  const [baseHash = ''] = legacy;
  const vaeHash = plan.ownVae && (await legacyHash(plan.ownVae));
  const facts = await runFacts(config, placed, { legacy }, kept);
  const fingerprint = await fingerprintOf(config, placed, baseHash);
  const saved = found && (yield* resumed(run, found, facts, fingerprint, steps));
  const startedAt = saved?.startedAt ?? (run.now ?? Date.now)();
  await tuneFor(config, saved, run.tunings);
  const memory = await memoryOf(run, outline, blocks, saved?.microBatch);
  yield {
    kind: 'plan',
    plan: {
      steps,
      epochs: outline.epochs,
      stepsPerEpoch: outline.stepsPerEpoch,
      images: placed.length,
      loraModules: request.lora.shapes.length,
      loraParameters: outline.loraParameters,
      ...(ranksDiffer(request.lora.shapes) ? { loraRanks: ranksOf(request.lora.shapes) } : {}),
      recomputedBlocks: memory.firstKeptBlock,
      blocks,
      microBatch: memory.microBatch,
      largestBatch: largestBatch(request),
      weightBytes: memory.weightBytes,
      predictedPeakBytes: memory.peakBytes,
      tier: gpu().tier,
      adapter: gpu().adapter.description || gpu().adapter.device || gpu().adapter.vendor,
      ...(saved ? { from: saved.step } : {}),
      startedAt,
    },
  };

  if (kept && !saved) yield { kind: 'note', ...keptRanksTold(request.lora.shapes, kept) };
  if (saved && saved.step >= steps) {
    const complete: EngineFacts['Resumed']['complete'] = { step: saved.step };
    yield {
      kind: 'note',
      ...toldResumed(
        'complete',
        complete,
        `This run is complete: ${saved.step} of ${steps} steps are done. To train on, raise epochs or max_train_steps.`,
      ),
    };
    yield { kind: 'done', step: saved.step };
    return undefined;
  }

  const programs = [...runPrograms(request, memory).values()];
  const owned: { dispose(): void }[] = [];
  const own = <T extends { dispose(): void }>(thing: T): T => {
    owned.push(thing);
    return thing;
  };
  const release = () => {
    for (const thing of owned.splice(0).reverse()) thing.dispose();
  };
  try {
    const encoding: Encoding = {
      ...{ config, plan, tokenizer, images: placed, batching: outline.batching, steps },
      signal: run.signal,
      ...(run.captionsAtOnce ? { captionsAtOnce: run.captionsAtOnce } : {}),
    };
    const prompts = new KeptTexts(plan.family.textStates);
    const captions =
      outline.text === 'given'
        ? yield* encodeTexts(encoding, saved?.step ?? 0, undefined, sampling ? prompts : undefined)
        : undefined;
    const images = yield* encodePictures(
      encoding,
      run.latents && { store: run.latents, digests: facts.pictures.map(([, content]) => content) },
      captions !== undefined,
    );

    yield { kind: 'phase', phase: 'load' };
    const base = yield* loadedPart(run.signal, (options) =>
      loadParts<'unet' | TextPart>(plan, ['unet', ...request.keep], options),
    );
    own({ dispose: () => disposeParts(base) });

    const seed = own(upload(new Int32Array(1), [1], 'training inputs'));
    const lora = own(new adapter.Parameters(request.lora.shapes, { rate: config.lora_dropout, seed }));
    const optimizer = createOptimizer(config.optimizer, lora, gpu().f16, idleModules(plan, config));
    own({ dispose: () => disposeOptimizer(optimizer) });
    const tensors = await saved?.load(optimizerSizes(config.optimizer, lora.size));
    if (tensors) restore(tensors, saved?.facts ? alphaFactor(saved.facts, facts) : 1, lora, optimizer);
    else lora.set(begin.values);

    const engine = own(
      new StepEngine(
        base,
        lora,
        optimizer,
        { ...request.settings, firstKeptBlock: memory.firstKeptBlock, record: run.record ?? true },
        seed,
      ),
    );
    return {
      base,
      plan,
      lora,
      optimizer,
      engine,
      images,
      batching: outline.batching,
      schedule: scheduleOf(config, steps),
      tokenizer,
      encoding,
      captions,
      prompts,
      memory,
      fingerprint,
      facts,
      baseHash,
      vaeHash,
      startedAt,
      averageLoss: saved?.averageLoss ?? 0,
      averageCount: saved?.averageCount ?? 0,
      steps,
      stepsPerEpoch: outline.stepsPerEpoch,
      batchesPerEpoch: outline.batchesPerEpoch,
      programs,
      step: saved?.step ?? 0,
      updates: tensors ? updatesOf(tensors) : 0,
      saved: tensors ? updatesOf(tensors) : undefined,
      dispose: release,
    };
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * The saved state to go on from: of a run that depends on the same things. Judged before anything is loaded. Throws
 * `ResumeError`.
 */
async function* resumed(
  run: TrainingRun,
  { state, fellBack, newest }: SoundState,
  facts: RunFacts,
  fingerprint: string,
  steps: number,
): AsyncGenerator<TrainEvent, SavedState> {
  const fallen: TrainEvent = {
    kind: 'fell-back',
    step: state.step,
    ...(newest === undefined ? {} : { newest }),
  };
  if (!state.facts) {
    if (state.fingerprint !== fingerprint) {
      throw new ResumeError(
        'other-run',
        {},
        `The saved state belongs to a run with other settings, pictures or base model. ${START_ANEW}`,
      );
    }
    if (fellBack) yield fallen;
    return state;
  }
  const whole = state.facts.base.sha256 === undefined ? undefined : await wholeHash(run);
  const base = { ...facts.base, ...(whole === undefined ? {} : { sha256: whole }) };
  const { refused, told } = changesSince(state.facts, { ...facts, base });
  if (refused.length > 0) {
    throw new ResumeError(
      'changed',
      { changes: refused },
      `The saved state belongs to a run with other settings, pictures or base model: ${changesSentence(refused)}. ${START_ANEW}`,
    );
  }
  if (fellBack) yield fallen;
  // Of a run that is complete nothing is trained with them.
  if (told.length > 0 && state.step < steps) {
    const changed: EngineFacts['Resumed']['changed'] = { step: state.step, changes: told };
    yield {
      kind: 'note',
      ...toldResumed(
        'changed',
        changed,
        `From step ${state.step} on it is trained with other settings: ${changesSentence(told)}.`,
      ),
    };
  }
  return state;
}

/** Of the checkpoint and of a VAE of its own, in hex, where they are known. Waits for them. */
export async function wholeHash({ base }: Pick<TrainingRun, 'base'>): Promise<string | undefined> {
  const [model, vae] = await Promise.all([base.whole, base.vae?.whole]);
  return model === undefined ? undefined : [model, ...(vae === undefined ? [] : [vae])].join(' ');
}

const START_ANEW =
  'Put them back, or start a new run from its LoRA: resume: false, and pretrained_lora: its last file.';

function toldResumed<Code extends keyof EngineFacts['Resumed']>(
  code: Code,
  facts: EngineFacts['Resumed'][Code],
  sentence: string,
): ToldError {
  return { sentence, error: { name: 'Resumed', code, facts } };
}

/** A resumed run goes on with passes as large as before, if they fit: passes of other sizes may round differently. */
async function memoryOf(
  run: TrainingRun,
  outline: Outline,
  blocks: number,
  before: number | undefined,
): Promise<MemoryPrediction> {
  const { request, budgetBytes, auto } = outline;
  const microBatch = Math.min(run.most?.microBatch ?? Infinity, before ?? Infinity);
  const memory = fitMemory(request, blocks, budgetBytes, undefined, {
    anyway: auto || (run.anyway ?? false),
    most: { firstKeptBlock: run.most?.firstKeptBlock ?? 0, microBatch },
  });
  if (run.most?.guidedTogether !== false) return memory;
  return {
    ...memory,
    guidedTogether: false,
    decodeTile: Math.min(memory.decodeTile, run.most.decodeTile),
  };
}

/**
 * `factor` is what the LoRA's alpha was over what it is: folded into `up`, so that the effect stays, and out of its
 * gradients' moments, which were taken for the other scale.
 */
function restore(
  tensors: RunState['tensors'],
  factor: number,
  lora: LoraParameters,
  optimizer: Optimizer,
): void {
  if (factor !== 1) {
    const { values, moment1, moment2 } = tensors;
    for (const { up, rank, out } of lora.modules) {
      const end = up + rank * out;
      for (let i = up; i < end; i++) {
        values[i] *= factor;
        moment1[i] /= factor;
        if (moment2.length === values.length) moment2[i] /= factor * factor;
      }
    }
  }
  lora.write(tensors.values);
  restoreOptimizer(optimizer, tensors);
}
