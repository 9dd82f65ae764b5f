/**
 * The training loop: an async generator of events. The signal stops it after the step under way, with everything
 * saved; `break` ends it at once; not calling `next()` is a pause, for which the loop says 'paused' where it was asked
 * for one. A run is a function of its configuration, pictures and seed, so one that was resumed is bit for bit the one
 * that never stopped.
 */
import { isDue, sampleInterval, saveInterval, type Interval } from '../../formats/config/intervals';
import { isExtreme, ratesInUse } from '../../formats/config/rates';
import { drawsSamples } from '../../formats/config/samples';
import { gpu } from '../../kernels/device';
import { compileAhead } from '../../kernels/pipeline';
import { read, trim } from '../../kernels/program';
import type { TrainConfig } from '../../formats/config/config_fields';
import type { StepReport, TrainEvent } from '../../protocol/trainer';
import { trainingSteps } from '../data/batches';
import { lossScaling, NonFiniteLossError } from '../step/loss_scale';
import { microBatches } from './micro_batch';
import { readReport, setHyper, update } from '../step/optimizer';
import { encodeTexts, type EncodedCaptions } from './encode_texts';
import { prepare, type Prepared, type TrainingRun } from './prepare';
import { drawSamples } from './preview';
import { reporting } from '../step/reporting';
import { Progress } from './progress';
import { Remaining } from '../plan/remaining';
import { saveRun } from './save';
import { multiplier } from '../step/schedule';
import { told } from './told';

/** Runs to the end, yielding what happens. Errors are named and carry a sentence for the user. */
export async function* train(run: TrainingRun): AsyncGenerator<TrainEvent, void> {
  const prepared = yield* prepare(run);
  if (!prepared) return;
  try {
    yield* loop(run, prepared);
  } catch (error) {
    // Before the first update there is nothing to keep but what the run began with.
    if (error instanceof NonFiniteLossError && prepared.updates !== (prepared.saved ?? 0))
      yield await lastGood(run, prepared);
    throw error;
  } finally {
    prepared.dispose();
    trim();
  }
}

async function* loop(run: TrainingRun, prepared: Prepared): AsyncGenerator<TrainEvent, void> {
  const { config, signal } = run;
  const { engine, optimizer, schedule, steps } = prepared;
  const rate = (update: number) => multiplier(schedule, update);
  const progress = new Progress(prepared, {
    now: run.now ?? Date.now,
    rule: lossScaling(gpu().f16),
    accumulation: config.gradient_accumulation_steps,
    extreme: isExtreme(config),
    rates: (update) => ratesAt(config, rate(update)),
    gpuBytes: () => gpu().buffers.numBytesAllocated,
    remaining: new Remaining(config, steps, prepared.stepsPerEpoch),
  });
  // Here the driver compiles beside this thread; at the first use it would hold up the browser's whole GPU process.
  yield* reporting((tell: (event: TrainEvent) => void) =>
    compileAhead(
      prepared.programs,
      (done, total) => tell({ kind: 'progress', phase: 'compile', done, total, unit: 'programs' }),
      signal,
    ),
  );
  if (prepared.step === 0 && !run.firstSamplesDrawn) yield* progress.during('sample', sampled(run, prepared));
  progress.resume();
  const first = prepared.step;
  // The first step of a shape is recorded; all later ones are replayed.
  yield { kind: 'phase', phase: 'compile' };

  for (const step of trainingSteps(prepared.images, prepared.batching, prepared.step)) {
    if (step.step >= steps || signal?.aborted) break;
    if (prepared.captions && step.step >= prepared.captions.until) {
      yield* progress.drain();
      yield* nextCaptions(prepared, prepared.captions, step.step);
      progress.resume();
    }
    setHyper(optimizer, config, rate, gpu().f16, prepared.updates);
    engine.begin();
    for (const micro of step.batches.keys())
      for (const pass of microBatches(config, prepared, step, micro)) engine.micro(...pass);
    update(optimizer, prepared.lora.values);
    prepared.step = step.step + 1;
    if (prepared.step === first + 1) yield { kind: 'phase', phase: 'train' };

    // Read late, so that the GPU has the next step while this one's loss travels.
    yield* progress.add(step, read(engine.loss), readReport(optimizer));
    if (prepared.step >= steps) break;
    const due = (every: Interval) => isDue(every, prepared.step, prepared.stepsPerEpoch);
    const wanted: ('save' | 'sample')[] = [];
    if (due(saveInterval(config))) wanted.push('save');
    if (due(sampleInterval(config))) wanted.push('sample');
    yield* between(run, prepared, progress, wanted);
  }
  yield* progress.drain();
  if (prepared.step >= steps && prepared.updates === 0)
    throw new NonFiniteLossError(prepared.step, prepared.step, prepared.step, 'no-step');
  yield { kind: 'phase', phase: 'save' };
  yield await saveRun(run, prepared, true);
  if (prepared.step >= steps) yield* sampled(run, prepared);
  yield { kind: 'done', step: prepared.step };
}

/** Encodes the captions of the steps to come; what the steps took is given back first, and the next one recorded anew. */
async function* nextCaptions(
  prepared: Prepared,
  known: EncodedCaptions,
  step: number,
): AsyncGenerator<TrainEvent, void> {
  prepared.engine.release();
  const events = encodeTexts(prepared.encoding, step, known);
  for (;;) {
    const next = await events.next();
    if (next.done) {
      prepared.captions = next.value;
      break;
    }
    // The phase stays that of training, of which this is a part.
    if (next.value.kind !== 'phase') yield next.value;
  }
  yield { kind: 'phase', phase: 'train' };
}

function ratesAt(
  config: TrainConfig,
  multiplier: number,
): Pick<StepReport, 'learningRate' | 'textLearningRate'> {
  const { unet, text } = ratesInUse(config);
  const [main, other] = unet ? [unet, text] : [text, undefined];
  return {
    learningRate: (main?.rate ?? 0) * multiplier,
    ...(other ? { textLearningRate: other.rate * multiplier } : {}),
  };
}

/** The samples that come by themselves, a phase of their own. */
async function* sampled(run: TrainingRun, prepared: Prepared): AsyncGenerator<TrainEvent, void> {
  if (!drawsSamples(run.config)) return;
  yield { kind: 'phase', phase: 'sample' };
  yield* drawSamples(run, prepared, prepared.step);
}

async function* saved(run: TrainingRun, prepared: Prepared): AsyncGenerator<TrainEvent, void> {
  yield await saveRun(run, prepared, false);
}

/** What is due after a step, and what was asked for; then the pause, if one was. Its time counts for no step. */
async function* between(
  run: TrainingRun,
  prepared: Prepared,
  progress: Progress,
  due: ('save' | 'sample')[],
): AsyncGenerator<TrainEvent, void> {
  const { asks } = run;
  const done = new Set<string>();
  let paused = false;
  for (;;) {
    const asked = due.length === 0;
    const next = due.shift() ?? asks?.take();
    if (!next && !asks?.paused) break;
    yield* progress.drain();
    // Asked for and due at once: the same bytes and pixels twice help nobody.
    if (next && !done.has(next)) {
      if (next === 'save') {
        // Steps that were left out changed nothing; a person who asks gets the file all the same.
        if (asked || prepared.updates !== (prepared.saved ?? 0))
          yield* progress.during('save', saved(run, prepared));
      } else if (paused) yield* drawSamples(run, prepared, prepared.step);
      else {
        yield* progress.during('sample', sampled(run, prepared));
        yield { kind: 'phase', phase: 'train' };
      }
      done.add(next);
    } else if (!next) {
      yield { kind: 'paused', step: prepared.step };
      paused = true;
    }
    progress.resume();
  }
  if (paused) yield { kind: 'resumed', step: prepared.step };
}

/** Skipped updates change nothing, so what is there when a run gives up is its last good state, if it can be written. */
async function lastGood(run: TrainingRun, prepared: Prepared): Promise<TrainEvent> {
  try {
    return await saveRun(run, prepared, false);
  } catch (error) {
    return { kind: 'not-saved', ...told(error) };
  }
}
