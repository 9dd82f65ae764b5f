/**
 * What the results screen shows: a run's checkpoints as columns, prompts as rows, and which picture is picked. Reads
 * runs from storage and never writes but to delete one. Drawing is drawing.svelte.ts, the file to download is offer.svelte.ts.
 */
import { usualChoice, type MetadataChoice } from '../../formats/lora/private_metadata';
import { loraNameOf } from '../../formats/captions/lora_prompt';
import { samplePictures } from '../../formats/captions/sample_prompt';
import { defaultConfig } from '../../formats/config/config';
import type { TrainConfig } from '../../formats/config/config_fields';
import {
  deleteRun,
  listCheckpoints,
  listRuns,
  listSamples,
  type Checkpoint,
  type Run,
} from '../../storage/runs';
import { withoutTrigger } from '../../formats/dataset/trigger';
import { withReader } from '../engine/reader';
import { studio } from '../studio.svelte';
import {
  byName,
  readPrompt,
  wantedBy,
  wantedIn,
  type Column,
  type SamplingSettings,
  type NamedLora,
  type Wanted,
} from './combine';
import { configOf } from './compare_runs';
import { drawing } from './drawing.svelte';
import { sentenceOf } from '../sentence';

export interface Row {
  readonly id: string;
  readonly prompt: string;
  readonly seed: number;
  /** Added here, so it can be removed here. */
  readonly added: boolean;
}

export type Loading = 'loading' | 'ready' | { readonly failed: string };

export class Results {
  loading: Loading = $state.raw('loading');
  /** Newest first. */
  runs: readonly Run[] = $state.raw([]);
  run: Run | undefined = $state.raw();
  checkpoints: readonly Checkpoint[] = $state.raw([]);
  /** Weight of the checkpoints in the grid. Samples were taken at 1. */
  strength = $state(1);
  showBase = $state(true);
  /** What the downloaded file tells about its making. */
  choice: MetadataChoice = $state.raw(usualChoice);
  leaveOutTrigger = $state(false);
  /** LoRA files that were dropped in, for prompts to name. Gone with the page. */
  files: readonly NamedLora[] = $state.raw([]);
  added: readonly Row[] = $state.raw([]);
  /** The picked row, and the step of the picked checkpoint. */
  pickedRow: string | undefined = $state();
  pickedStep: number | undefined = $state();
  /** The step that the picked one is compared with; undefined: the base model. */
  againstStep: number | undefined = $state();

  readonly config: TrainConfig = $derived((this.run && configOf(this.run.config)) ?? defaultConfig());
  readonly picked: Checkpoint | undefined = $derived(
    this.checkpoints.find(({ step }) => step === this.pickedStep) ?? this.checkpoints.at(-1),
  );
  readonly #own: readonly NamedLora[] = $derived(this.checkpoints.map((each) => named(each, true)));
  #others: readonly NamedLora[] = $state.raw([]);
  #count = 0;
  /** By the names that prompts use. The shown run's checkpoints come before others of the same name. */
  readonly library: ReadonlyMap<string, NamedLora> = $derived(
    byName([...this.#others, ...this.files, ...this.#own]),
  );
  readonly rows: readonly Row[] = $derived([
    ...samplePictures(this.config).map(({ text, seed }, index) => ({
      ...{ id: `${index} ${seed} ${text}`, prompt: text, seed, added: false },
    })),
    ...this.added,
  ]);
  /** The row whose pictures the panel compares: the picked one, or the first. */
  readonly shownRow: Row | undefined = $derived(
    this.rows.find(({ id }) => id === this.pickedRow) ?? this.rows[0],
  );
  /** The step whose picture the panel shows: the picked one, unless the row is drawn in one column only. */
  readonly shownStep: number | undefined = $derived.by(() => {
    const named =
      this.shownRow && readPrompt(this.shownRow.prompt, this.library).loras.find(({ own }) => own);
    const checkpoint = named && this.checkpoints.find(({ run, step }) => named.id === `${run} ${step}`);
    return (checkpoint ?? this.picked)?.step;
  });
  readonly sampling: SamplingSettings = $derived(
    samplingOf(this.config, studio.project.base?.name ?? this.run?.baseName ?? ''),
  );
  /** What the grid still lacks. */
  readonly missing: readonly Wanted[] = $derived(
    this.rows.flatMap((row) =>
      this.columns
        .map((column) => this.cell(row, column))
        .filter((cell) => cell !== undefined)
        .filter(({ key }) => !drawing.pictures.has(key)),
    ),
  );

  get columns(): readonly Column[] {
    const checkpoints = this.#own.map((lora): Column => ({ kind: 'checkpoint', lora }));
    return this.showBase ? [{ kind: 'base' }, ...checkpoints] : checkpoints;
  }

  /** The prompt as it is drawn now. */
  prompt({ prompt }: Row): string {
    return this.leaveOutTrigger ? withoutTrigger(prompt, studio.project.trigger) : prompt;
  }

  cell(row: Row, column: Column): Wanted | undefined {
    const read = readPrompt(this.prompt(row), this.library);
    return wantedIn(column, read, row.seed, this.strength, this.sampling);
  }

  columnOf(step: number | undefined): Column {
    const at = this.checkpoints.findIndex((each) => each.step === step);
    const lora = this.#own.at(at);
    return at >= 0 && lora ? { kind: 'checkpoint', lora } : { kind: 'base' };
  }

  /** Reads the project's runs, and shows the newest that has something to show, or goes on with the one shown. */
  async load(project: string): Promise<void> {
    if (this.run && this.run.project !== project) this.#reset();
    try {
      this.runs = await listRuns(project);
      const lists = await Promise.all(this.runs.map(({ id }) => listCheckpoints(id)));
      this.#others = this.runs
        .flatMap((_, index) => lists[index].map((each) => named(each, false)))
        .toReversed();
      const worth = this.runs.find((_, index) => lists[index].length > 0);
      const shown = this.runs.find(({ id }) => id === this.run?.id) ?? worth ?? this.runs[0];
      if (shown) await this.show(shown.id);
      else this.run = undefined;
      this.loading = 'ready';
    } catch (error) {
      this.loading = { failed: sentenceOf(error) };
    }
  }

  async show(id: string): Promise<void> {
    const run = this.runs.find((each) => each.id === id);
    if (!run) return;
    const [checkpoints, samples] = await Promise.all([listCheckpoints(id), listSamples(id)]);
    if (this.run?.id !== id) {
      this.pickedStep = undefined;
      this.againstStep = undefined;
    }
    this.run = run;
    this.checkpoints = checkpoints;
    const sampling = samplingOf(this.config, run.baseName);
    for (const { step, prompt, seed, width, height, image } of samples) {
      const base = step === 0 && run.trainedFrom === undefined;
      const checkpoint = checkpoints.find((each) => each.step === step);
      if (!checkpoint && !base) continue;
      const loras = checkpoint && !base ? [{ ...named(checkpoint, true), weight: 1 }] : [];
      const read = readPrompt(prompt, byName([]));
      drawing.add(wantedBy(read, seed, loras, { ...sampling, width, height }).key, image, width, height);
    }
  }

  add(prompt: string, seed: number): void {
    const row = { id: `added ${++this.#count}`, prompt, seed, added: true };
    this.added = [...this.added, row];
    this.pickedRow = row.id;
  }

  removeRow(id: string): void {
    this.added = this.added.filter((row) => row.id !== id);
  }

  /** Takes a LoRA file for prompts to name. Rejects with a sentence for what is none. */
  async addFile(file: File): Promise<string> {
    await withReader((reader) => reader.checkLora(file));
    const name = loraNameOf(file.name);
    const id = `file ${file.name} ${file.size} ${file.lastModified}`;
    this.files = [...this.files.filter((each) => each.name !== name), { id, name, file, own: false }];
    return name;
  }

  async remove(id: string): Promise<void> {
    await deleteRun(id);
    if (this.run?.id === id) {
      this.run = undefined;
      this.checkpoints = [];
    }
    await this.load(studio.project.id);
  }

  #reset(): void {
    this.run = undefined;
    this.checkpoints = [];
    this.#others = [];
    this.files = [];
    this.added = [];
    this.pickedRow = this.pickedStep = this.againstStep = undefined;
    drawing.clear();
  }
}

export const results = new Results();

function named({ run, step, name, lora }: Checkpoint, own: boolean): NamedLora {
  return { id: `${run} ${step}`, name: loraNameOf(name), file: lora, own };
}

function samplingOf(config: TrainConfig, base: string): SamplingSettings {
  return {
    base,
    negative: config.sample_negative_prompt,
    width: config.resolution,
    height: config.resolution,
    steps: config.sample_steps,
    guidance: config.sample_cfg_scale,
    sampler: config.sample_sampler,
    clipSkip: config.clip_skip,
    vPrediction: config.v_parameterization,
    zeroTerminalSnr: config.zero_terminal_snr,
  };
}
