/**
 * The trainer without a page: `npm run train -- --config configs/my_lora_config.yaml`. Does in Node, on Dawn, what the
 * tab does. Stops cleanly on the first Ctrl-C: the step under way is finished and everything saved. What else may happen
 * to it, and how each ends, is in docs/reliability.md.
 */
import { readFile, stat } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ByteSource } from '../src/formats/safetensors/byte_source';
import type { TrainConfig } from '../src/formats/config/config_fields';
import { lowerRate, mainRate } from '../src/formats/config/rates';
import { noteSentence, notesOn } from '../src/formats/captions/sample_prompt';
import { drawsSamples } from '../src/formats/config/samples';
import { closeDevice, GpuUnavailableError, gpu, openDevice } from '../src/kernels/device';
import type { TrainEvent } from '../src/protocol/trainer';
import { trainAdapting } from '../src/training/loop/adapting';
import { DeviceLostError, DeviceWatch } from '../src/training/loop/device_lost';
import { planBaseModel } from '../src/training/step/base_model';
import { estimateRun } from '../src/training/plan/estimate';
import { tierFor } from '../src/training/loop/job';
import { prepare, type TrainingRun } from '../src/training/loop/prepare';
import { naming, openBase } from './base_files';
import { baseNotes } from './base_notes';
import { optionsOf, runCommand, sentenceOf, UsageError } from './command';
import { gpuLine, gpuNotes, installWebGpu } from './dawn';
import { openSource, sha256OfFile } from './files';
import { FOLDER_USAGE, folderChoices, folderOptions } from './folder_options';
import { loadImage } from './images';
import { setEarlierAside } from './earlier_run';
import { EventLog } from './event_log';
import {
  encodeSample,
  keepSample,
  keepSaved,
  previousStateName,
  removeParts,
  stateName,
  type Kept,
} from './keep';
import { latentStore } from './latent_store';
import { readConfig } from './read_config';
import { openLora } from './open_lora';
import { pretrainedNotes } from './pretrained';
import { takeFolder } from './run_lock';
import { runPictures } from './run_pictures';
import { tuningFile } from './tunings';
import { stopOnSignals, type Stopping } from './stopping';
import { trainLog } from './train_log';
import { baseLine, planLines } from './train_plan';

const USAGE = `Usage: npm run train -- --config configs/my_lora_config.yaml
--config also takes settings of kohya_ss, sd-scripts (TOML or a command line), lora-scripts, OneTrainer, ai-toolkit, or a LoRA.
  --plan      say what the run would be (steps, memory, notes), and train nothing
  --card GB   memory of the graphics card, where memory_budget_gb is 0
  --anyway    start even over a memory budget that was set by hand, and although settings of another trainer cannot be honoured
  --stop-if-diverging  end a run whose loss is far above where it began, instead of only saying so; exit status 3
${FOLDER_USAGE}
  --keep-copies  train also on files that are equal to another to the last byte
Exit status: 0 done; 1 failed, or a file is not in its place; 2 not understood; 130, 143, 129, 141 stopped before its end, and
saved (Ctrl-C, SIGTERM, closed terminal, closed output).`;

async function main(): Promise<void> {
  const values = optionsOf({
    options: {
      config: { type: 'string', short: 'c' },
      plan: { type: 'boolean' },
      anyway: { type: 'boolean' },
      'stop-if-diverging': { type: 'boolean' },
      card: { type: 'string' },
      'keep-copies': { type: 'boolean' },
      ...folderOptions,
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help || !values.config) {
    console.log(USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const card = values.card === undefined ? {} : { cardGb: Number(values.card) };
  if (card.cardGb !== undefined && !(card.cardGb > 0 && card.cardGb <= 1024))
    throw new UsageError(`--card ${values.card}: give the card's memory in GB, as in --card 12.`);
  const choices = folderChoices(values);
  const config = await readConfig(values.config, values.anyway ?? false, (line) => console.log(line));
  const stop = values.plan ? undefined : await begin(config);
  const images = await runPictures(config, choices, values['keep-copies'] ?? false, (line) =>
    console.log(line),
  );
  if (images.length === 0)
    throw new Error('No picture is left to train on. Crop them, or set other bucket sizes.');
  if (drawsSamples(config))
    for (const note of notesOn([...config.sample_prompts, config.sample_negative_prompt]))
      console.log(`note: ${noteSentence(note)}`);
  const base = await openBase(config);
  // By their headers, before anything is loaded: what cannot be used is named at once.
  const planned = await naming('base_model', config.base_model, planBaseModel(base));
  for (const note of await baseNotes(config, planned.family, base)) console.log(`note: ${note}`);
  const pretrained = config.pretrained_lora ? await openLora(config.pretrained_lora) : undefined;
  if (pretrained)
    for (const note of await naming(
      'pretrained_lora',
      config.pretrained_lora,
      pretrainedNotes(pretrained, planned, config),
    ))
      console.log(`note: ${note}`);
  const merges = await readText(new URL('../public/clip/merges.txt', import.meta.url), "CLIP's merge list");

  installWebGpu();
  const device = new DeviceWatch();
  await openDevice({ ...tierFor(config.mixed_precision), onLost: device.onLost });
  const states = statePaths(config).map(openSource);
  const none = config.resume === true && !states[0];
  const nothingToResume = `note: resume: there is no saved state in ${config.output_dir}; the run begins anew.`;
  const run: TrainingRun = {
    config,
    base: await baseOf(config, base),
    images: images.map((image) => ({
      ...image,
      pixels: (placement) => loadImage(image, placement),
      digest: () => sha256OfFile(image.path),
    })),
    merges,
    latents: latentStore(join(config.output_dir, 'latents')),
    ...(pretrained ? { pretrained } : {}),
    ...(states[0] ? { state: states[0], olderStates: states.slice(1) } : {}),
    ...(stop ? { signal: stop.signal } : {}),
    tunings: tuningFile(),
    ...card,
    ...(values.anyway ? { anyway: true } : {}),
  };
  if (!stop) {
    for (const line of gpuNotes(gpu())) console.log(line);
    if (none) console.log(nothingToResume);
    for (const line of await toldBeforehand(run)) console.log(line);
    const sizes = images.map(({ size: [width, height], repeats }) => ({ width, height, repeats }));
    const plan = await estimateRun(config, base, sizes, card.cardGb);
    for (const line of [baseLine(config, planned.family), ...planLines(config, plan)]) console.log(line);
    closeDevice();
    if (!plan.fits && !plan.auto && !values.anyway) process.exitCode = 1;
    return;
  }
  const log = trainLog(join(config.output_dir, 'logs', 'train.log'), (line) => console.log(line));
  const tell = (line: string, kind?: TrainEvent['kind']) => {
    show(line, kind);
    log(line);
  };
  for (const line of gpuNotes(gpu())) tell(line);
  tell(baseLine(config, planned.family));
  if (none) tell(nothingToResume);
  const events = trainAdapting(run);
  try {
    const curves = new EventLog(join(config.output_dir, 'logs'), config, tell);
    const options = { curves, anew: !states[0], stopIfDiverging: values['stop-if-diverging'] ?? false };
    process.exitCode = await follow(device.over(events, stop.signal), config, stop, tell, options);
  } catch (error) {
    log(sentenceOf(error));
    throw error;
  } finally {
    closeDevice();
  }
}

/** What the run would say before anything is loaded: from which saved step it goes on, or why it cannot. */
async function toldBeforehand(run: TrainingRun): Promise<string[]> {
  const lines: string[] = [];
  for await (const event of prepare({ ...run, anyway: true })) {
    if (event.kind === 'note' || event.kind === 'fell-back') lines.push(describe(event, run.config) ?? '');
    if (event.kind !== 'plan') continue;
    const { from = 0, steps } = event.plan;
    if (from >= steps)
      lines.push(
        `resume: this run is complete, ${from} of ${steps} steps are done; nothing would be trained.`,
      );
    else if (from > 0) lines.push(`resume: goes on from step ${from} of ${steps}`);
    // After it the base model is loaded.
    break;
  }
  return lines;
}

/** What `resume` names, and after it what to fall back to where it is damaged; nothing where a run begins. */
function statePaths({ resume, output_dir: dir, output_name: name }: TrainConfig): string[] {
  if (typeof resume === 'string') return [resume];
  if (!resume) return [];
  return [stateName(name), previousStateName(name)].map((each) => join(dir, each)).filter(existsSync);
}

/** From here on the folder is this run's, and a signal stops it in order. */
async function begin(config: TrainConfig): Promise<Stopping> {
  const stop = stopOnSignals('Stopping after this step.');
  await takeFolder(config.output_dir);
  await removeParts(config.output_dir, config.output_name);
  return stop;
}

/** Takes the run to its end; gives the exit status. */
async function follow(
  events: AsyncIterable<TrainEvent>,
  config: TrainConfig,
  stop: Stopping,
  tell: (line: string, kind?: TrainEvent['kind']) => void,
  { curves, anew, stopIfDiverging }: { curves: EventLog; anew: boolean; stopIfDiverging: boolean },
): Promise<number> {
  let steps = Infinity;
  let status = 0;
  let whole = true;
  // A damaged newest state must not take the place of the sound one before it.
  let damaged = false;
  let first = anew;
  let saved: number | undefined;
  try {
    for await (const event of events) {
      if (event.kind === 'plan') ({ steps } = event.plan);
      // Stopped before its first step: a LoRA that learnt nothing takes no other's place.
      if (event.kind === 'saved' && event.final && event.step === 0) return nothingTrained();
      if (first && event.kind === 'saved') {
        first = false;
        for (const line of await setEarlierAside(config.output_dir, config.output_name)) tell(line);
      }
      const png = event.kind === 'sample' ? await encodeSample(event) : undefined;
      const kept = await keep(event, config, !damaged, png);
      await curves.take(event, png);
      if (event.kind === 'saved' && kept.whole) saved = event.step;
      if (event.kind === 'fell-back') damaged = true;
      else if (event.kind === 'saved' && kept.whole) damaged = false;
      for (const line of kept.lines) tell(line, event.kind);
      if (event.kind === 'diverged' && stopIfDiverging) stop.stop((status = 3));
      if (event.kind === 'done' && event.step < steps) status = stop.status;
      if (event.kind === 'saved' && event.final) ({ whole } = kept);
    }
  } catch (error) {
    if (stop.signal.aborted && error instanceof Error && error.name === 'AbortError') return nothingTrained();
    if (!(error instanceof DeviceLostError)) throw error;
    tell(`The GPU was lost (${error.facts.reason}). ${afterLoss(config, saved)}`);
    return 1;
  }
  return whole ? status : 1;

  function nothingTrained(): number {
    tell('Stopped; nothing was trained.');
    return stop.status;
  }
}

function afterLoss({ output_dir: dir, output_name: name }: TrainConfig, saved: number | undefined): string {
  const state = join(dir, stateName(name));
  if (saved !== undefined)
    return `Saved up to step ${saved}: with resume: true the run goes on from "${state}".`;
  return existsSync(state)
    ? `Nothing was saved since it began; "${state}" is what there was before.`
    : 'Nothing was saved yet.';
}

/** What a person reads; the same line goes into the log. */
function describe(event: TrainEvent, config: TrainConfig): string | undefined {
  switch (event.kind) {
    case 'phase':
      return `phase: ${event.phase}`;
    case 'plan': {
      const { plan } = event;
      const gb = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
      return (
        `${plan.images} images, ${plan.stepsPerEpoch} steps an epoch, ${plan.epochs} epochs: ${plan.steps} steps; ` +
        `LoRA of ${plan.loraModules} modules, ${(plan.loraParameters / 1e6).toFixed(2)} M parameters; ` +
        `GPU memory at most ${gb(plan.predictedPeakBytes)} (base weights ${gb(plan.weightBytes)}), ` +
        `${plan.recomputedBlocks} of ${plan.blocks} blocks recomputed, ` +
        `${plan.microBatch} of ${plan.largestBatch} pictures at once; ${gpuLine(gpu())}`
      );
    }
    case 'step':
      return (
        `step ${event.step}/${event.steps} epoch ${event.epoch} loss ${event.loss.toFixed(5)} avg ${event.averageLoss.toFixed(5)} ` +
        `lr ${event.learningRate.toExponential(2)} ` +
        (event.textLearningRate === undefined ? '' : `text lr ${event.textLearningRate.toExponential(2)} `) +
        `grad ${event.gradientNorm.toExponential(2)} ` +
        `${event.stepSeconds.toFixed(2)} s/step ETA ${clock(event.etaSeconds)}` +
        (event.skipped ? ` skipped (not finite; loss scale ${event.lossScale})` : '')
      );
    case 'saved':
    case 'sample':
      // Told by what keeps them, when they are kept.
      return undefined;
    case 'diverged': {
      const { field, rate } = mainRate(config);
      return (
        `WARNING: the loss has run away: ${event.from === undefined ? '' : `from ${event.from.toPrecision(3)} `}to about ` +
        `${event.to.toPrecision(3)} since step ${event.since}. What was learnt is lost. Lower the learning rate: ` +
        `${field} ${lowerRate(rate, config.optimizer)} instead of ${rate}.`
      );
    }
    case 'sample-failed':
      return `samples at step ${event.step} failed: ${event.sentence}`;
    case 'adapted':
      return (
        `The GPU had no memory left. The run goes on from step ${event.step} with less: ${event.recomputedBlocks} of ` +
        `${event.blocks} blocks recomputed, ${event.microBatch} pictures at once; from there its bits may differ.`
      );
    case 'fell-back':
      return (
        `The newest saved state is damaged. The run goes on from the one before it, step ${event.step}` +
        (event.newest === undefined ? '.' : `: ${event.newest - event.step} steps are trained again.`)
      );
    case 'paused':
    case 'resumed':
      return `${event.kind} at step ${event.step}`;
    case 'not-saved':
      return `The LoRA as it is cannot be saved. ${event.sentence}`;
    case 'note':
      return event.sentence;
    case 'done':
      return `done after ${event.step} steps, peak GPU memory ${(gpu().buffers.ledger().peakBytes / 1e9).toFixed(2)} GB`;
    case 'progress':
      return event.done === event.total ? `${event.phase}: ${event.total} ${event.unit}` : undefined;
  }
}

function clock(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds % 60)];
  return [h, m, s].map((n) => String(n).padStart(2, '0')).join(':');
}

/** Steps share one line of a terminal. */
function show(line: string, kind?: TrainEvent['kind']): void {
  if (process.stdout.isTTY && kind === 'step') process.stdout.write(`\r\x1b[K${line}`);
  else console.log(process.stdout.isTTY ? `\r\x1b[K${line}` : line);
}

/** What an event leaves on the disk, and what is told of it then. */
async function keep(event: TrainEvent, config: TrainConfig, sound: boolean, png?: Uint8Array): Promise<Kept> {
  if (event.kind === 'saved') return keepSaved(event, config, sound);
  if (event.kind === 'sample') return keepSample(event, config, png);
  const line = describe(event, config);
  return { lines: line === undefined ? [] : [line], whole: true };
}

/** With the hashes that the metadata names: of a checkpoint and of a VAE that are one file each. */
async function baseOf(config: TrainConfig, files: ByteSource[]): Promise<TrainingRun['base']> {
  const hashed = async (path: string) => {
    if (!(await stat(path)).isFile()) return {};
    const whole = sha256OfFile(path);
    // Awaited when the LoRA is saved; a run may end before.
    whole.catch(() => undefined);
    return { whole };
  };
  const vae = config.vae === '' ? {} : { vae: { name: basename(config.vae), ...(await hashed(config.vae)) } };
  return { name: basename(config.base_model), files, ...(await hashed(config.base_model)), ...vae };
}

async function readText(path: string | URL, what: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => {
    throw new Error(`${what} cannot be read: ${path.toString()}`);
  });
}

runCommand(main, USAGE, (error) => {
  if (error instanceof GpuUnavailableError)
    console.error(
      'Without a GPU it also runs on the CPU: `npm run setup` finds or installs a driver for that.',
    );
});
