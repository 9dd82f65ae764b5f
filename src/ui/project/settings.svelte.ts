/**
 * The settings of the open project: what holds now, what each field goes back to, what is wrong, and one step back.
 * What is typed and cannot be used stays in `drafts` until it is put right; the project only ever keeps valid values.
 */
import { untrack } from 'svelte';
import { configFields, type FieldName, type TrainConfig } from '../../formats/config/config_fields';
import { formatConfig } from '../../formats/config/config_format';
import type { Purpose } from '../../protocol/captioner';
import type { Project } from '../../storage/projects';
import { tokenCount } from '../pictures/captions/token_count.svelte';
import { dataset } from '../pictures/dataset.svelte';
import { card } from '../engine/card.svelte';
import { preflight } from '../gpu/preflight.svelte';
import { baseModel } from './base_model.svelte';
import { predictionUnsaid } from './base_values';
import { modelDownload } from './model_download.svelte';
import { studio } from '../studio.svelte';
import { adviceOn, type Advice } from './advice';
import { Estimating } from './estimating.svelte';
import { missingFor, type Missing } from './missing';
import { presetFields, projectSettings, same, type ProjectSettings } from './project_settings';
import type { RunLength } from './run_length';
import { runTime, type RunTime } from './time';
import {
  checkEach,
  conflictsIn,
  draftProblems,
  readTyped,
  warmupProblem,
  type Drafts,
  type SettingProblem,
} from './typed';

interface Step {
  readonly project: string;
  readonly before: Pick<Project, 'settings' | 'purpose'>;
  /** Consecutive changes of one field are one step. */
  readonly of: string;
}

const STEPS_KEPT = 100;

export class Settings {
  readonly estimating = new Estimating();

  #typed: { readonly project: string; readonly drafts: Drafts } = $state.raw({ project: '', drafts: {} });
  #steps: readonly Step[] = $state.raw([]);
  readonly #resolved: ProjectSettings = $derived(projectSettings(studio.project, dataset.used, aCaption()));

  /** What was typed, by field, where it cannot be used; another project has its own. */
  readonly drafts: Drafts = $derived(this.#typed.project === studio.project.id ? this.#typed.drafts : {});
  readonly config: TrainConfig = $derived(this.#resolved.config);
  readonly defaults: TrainConfig = $derived(this.#resolved.defaults);
  readonly changed: readonly FieldName[] = $derived(this.#resolved.changed);
  readonly length: RunLength = $derived(this.#resolved.length);
  readonly stops: readonly number[] = $derived(this.#resolved.stops);
  readonly problems: readonly SettingProblem[] = $derived([
    ...draftProblems(this.drafts),
    ...conflictsIn(this.config),
    ...warmupProblem(this.config, this.length.steps),
  ]);
  readonly advice: readonly Advice[] = $derived(
    adviceOn(this.config, studio.project, (text) => tokenCount.of(text)),
  );
  readonly canUndo: boolean = $derived(this.#steps.at(-1)?.project === studio.project.id);

  /** Seconds the run will take, once both its work and the GPU's speed are known. */
  readonly time: RunTime | undefined = $derived.by(() => {
    const { now } = this.estimating;
    const gflops = studio.adapter?.gflops;
    const estimate = now.state === 'known' ? now.estimate : now.state === 'asking' ? now.before : undefined;
    return estimate && gflops ? runTime(estimate, this.config, this.length.steps, gflops) : undefined;
  });

  /** What a step is to take; a software adapter's speed says too little to hold a run against it. */
  readonly expectedStepSeconds: number | undefined = $derived(
    studio.adapter?.software === false ? this.time?.stepSeconds : undefined,
  );

  /** What stands between the person and Start; empty where nothing does. */
  readonly missing: readonly Missing[] = $derived(
    missingFor({
      readOnly: studio.readOnly,
      pictures: dataset.used.length,
      base: studio.project.base !== undefined,
      predictionUnsaid: predictionUnsaid(studio.project),
      arriving: arriving(),
      problems: this.problems.length,
      unusable: this.length.unusable,
      adapter: preflight.now.state,
      estimate: this.estimating.now,
    }),
  );

  /** Takes what a person typed into a field: sets it, or keeps it as a draft with its problem. */
  type(name: FieldName, text: string): void {
    const read = readTyped(configFields[name], text);
    if ('value' in read) this.set(name, read.value);
    else this.#draft({ ...this.drafts, [name]: text });
  }

  /** Sets one field. Throws ConfigError if the field does not accept the value. */
  set(name: FieldName, value: unknown): void {
    this.take({ [name]: value }, name);
  }

  /** Sets several fields as one step back. Throws ConfigError, and then sets none, if one is not accepted. */
  take(values: Readonly<Record<string, unknown>>, of = ''): void {
    const config: { readonly [name: string]: unknown } = checkEach(values);
    const names = Object.keys(values) as FieldName[];
    this.#clearDrafts(names);
    const taken = names.map((name) => [name, config[name]] as const);
    if (taken.every(([name, value]) => same(this.config[name], value))) return;
    this.#keepStep(of);
    studio.change({ settings: { ...studio.project.settings, ...Object.fromEntries(taken) } });
  }

  /** Back to the default of the preset. */
  back(name: FieldName): void {
    this.#clearDrafts([name]);
    if (!(name in studio.project.settings)) return;
    this.#keepStep('');
    studio.change({ settings: without(studio.project.settings, [name]) });
  }

  /** Takes a preset: its values, and the length that goes with it. Other settings stay as they are. */
  choosePreset(purpose: Purpose): void {
    this.#keepStep('');
    this.#clearDrafts(presetFields);
    studio.change({ purpose, settings: without(studio.project.settings, presetFields) });
  }

  /** Moves to a stop of the quick-to-thorough slider. */
  chooseStop(stop: number): void {
    const epochs = this.stops[stop];
    if (epochs === undefined) return;
    this.#clearDrafts(['epochs', 'max_train_steps']);
    const rest = without(studio.project.settings, ['epochs', 'max_train_steps']);
    const settings = epochs === this.defaults.epochs ? rest : { ...rest, epochs };
    if (same(JSON.stringify(settings), JSON.stringify(studio.project.settings))) return;
    this.#keepStep('pace');
    studio.change({ settings });
  }

  undo(): void {
    const step = this.#steps.at(-1);
    if (!step || !this.canUndo) return;
    this.#steps = this.#steps.slice(0, -1);
    this.#draft({});
    studio.change(step.before);
  }

  /** The whole configuration as a file: for the trainer, for `npm run train`, for other people. */
  yaml(): string {
    return formatConfig(this.config);
  }

  /** Follows what an estimate depends on; for an `$effect` of whoever shows one. */
  watch(): void {
    const { base } = studio.project;
    const askable = base && dataset.used.length > 0 && this.problems.length === 0;
    const question = askable
      ? { config: this.config, base, pictures: dataset.used, cardGb: card.gb }
      : undefined;
    untrack(() => this.estimating.ask(question));
  }

  #draft(drafts: Drafts): void {
    this.#typed = { project: studio.project.id, drafts };
  }

  #keepStep(of: string): void {
    const { id, settings, purpose } = studio.project;
    const last = this.#steps.at(-1);
    if (of !== '' && last?.of === of && last.project === id) return;
    this.#steps = [...this.#steps, { project: id, before: { settings, purpose }, of }].slice(-STEPS_KEPT);
  }

  #clearDrafts(names: readonly FieldName[]): void {
    if (names.some((name) => name in this.drafts)) this.#draft(without(this.drafts, names));
  }
}

export const settings = new Settings();

/** The base model, on its way into this browser. */
function arriving(): 'copied' | 'downloaded' | undefined {
  if (baseModel.choosing.state === 'copying' || baseModel.choosing.state === 'checking') return 'copied';
  return modelDownload.now.state === 'running' ? 'downloaded' : undefined;
}

/** A caption from the middle of the set, where a first picture is often unlike the others. */
function aCaption(): string {
  const captioned = dataset.used.filter(({ caption }) => caption.trim() !== '');
  return captioned[Math.floor(captioned.length / 2)]?.caption ?? '';
}

function without<V>(values: Readonly<Record<string, V>>, names: readonly string[]): Record<string, V> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));
}
