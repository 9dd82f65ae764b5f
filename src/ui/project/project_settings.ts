/**
 * A project's settings in layers: the fields' defaults, the preset, what the base model needs, what follows from the
 * project (its name, its trigger word, how many pictures it has), and on top what the person set. Pure; the class in
 * settings.svelte.ts holds it against the open project.
 */
import { defaultConfig } from '../../formats/config/config';
import {
  configFields,
  isFieldName,
  type FieldName,
  type TrainConfig,
} from '../../formats/config/config_fields';
import { readValue } from '../../formats/config/config_values';
import { isFileName } from '../../formats/config/file_name';
import { withoutEnd, withoutEnds } from '../../formats/text/trimmed';
import type { Project } from '../../storage/projects';
import { defaultPrompts, oneLine } from './default_prompts';
import { baseLayers } from './base_values';
import { demoShare, demoValues, presets, type Preset } from './presets';
import { epochOf, intervals, runLength, stopsOf, type RunLength, type SizedPicture } from './run_length';

export type ProjectFacts = Pick<Project, 'name' | 'purpose' | 'trigger' | 'settings' | 'base'>;

export interface ProjectSettings {
  readonly config: TrainConfig;
  /** What each field goes back to. */
  readonly defaults: TrainConfig;
  /** Fields the person set, and set to something else. */
  readonly changed: readonly FieldName[];
  readonly length: RunLength;
  /** Epochs of the slider's five stops. */
  readonly stops: readonly number[];
}

/** `caption` is one of the set's. Values that no field accepts (from an older version) are as if never set. */
export function projectSettings(
  project: ProjectFacts,
  pictures: readonly SizedPicture[],
  caption: string,
): ProjectSettings {
  const own = ownValues(project.settings);
  const base: TrainConfig = { ...defaultConfig(), ...presetValues(project), ...facts(project, caption) };
  const epoch = epochOf(pictures, { ...base, ...own });
  const share = isDemo(project) ? demoShare : 1;
  const wanted = presets[project.purpose].pictures.map((count) => count * share);
  const stops = stopsOf(wanted, epoch.shown);
  const timed: TrainConfig = epoch.shown > 0 ? { ...base, epochs: stops[2] } : base;
  const length = runLength(epoch, { ...timed, ...own });
  const every = intervals(length.steps);
  const defaults: TrainConfig =
    length.steps > 0
      ? {
          ...timed,
          // Who asked for epochs did not ask for steps besides.
          sample_every_n_steps: own.sample_every_n_epochs ? 0 : every.sample,
          save_steps: own.save_every_n_epochs ? 0 : every.save,
        }
      : timed;
  const config: TrainConfig = { ...defaults, ...own };
  const changed = (Object.keys(own) as FieldName[]).filter((name) => !same(config[name], defaults[name]));
  return { config, defaults, changed, length, stops };
}

/** Why the preset, or the base model, has this value. */
export function presetReason(project: ProjectFacts, name: FieldName): Preset['values'][FieldName] {
  return layersOf(project)
    .map((values) => values[name])
    .findLast((value) => value !== undefined);
}

/** Fields that any preset sets: what choosing one takes back. */
export const presetFields: readonly FieldName[] = [
  ...(Object.values(presets).flatMap(({ values }) => Object.keys(values)) as FieldName[]),
  'epochs',
  'max_train_steps',
];

/** Equal as settings: lists by their items. */
export function same(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return Object.is(a, b);
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

/** Of a name, with room for the numbers that further runs put behind it. */
const mostBytes = 110;

/** A name that every file system and WebUI's `<lora:name:1>` take. */
export function fileNameOf(project: string): string {
  const plain = project
    .toWellFormed()
    .normalize('NFC')
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s/\\:*?"<>|,=]+/gu, '_');
  const name = withoutEnds(plain, /[_.]/);
  const letters = [...name].slice(0, 60);
  while (new TextEncoder().encode(letters.join('')).length > mostBytes) letters.pop();
  const fitting = withoutEnd(letters.join(''), /[_.]/);
  return isFileName(fitting) ? fitting : configFields.output_name.default;
}

function layersOf(project: ProjectFacts): Preset['values'][] {
  const { values } = presets[project.purpose];
  return isDemo(project) ? [values, demoFor(values)] : [values, ...baseLayers(project.base)];
}

/** The demo model's own rate for the text encoder only counts where the preset trains it. */
function demoFor(values: Preset['values']): Preset['values'] {
  const { text_encoder_lr, ...rest } = demoValues;
  return values.train_text_encoder ? { ...rest, text_encoder_lr } : rest;
}

function presetValues(project: ProjectFacts): Partial<TrainConfig> {
  const entries = layersOf(project).flatMap((values) =>
    Object.entries(values).map(([name, chosen]) => [name, chosen.value]),
  );
  return Object.fromEntries(entries) as Partial<TrainConfig>; // typed where they are written
}

function facts(project: ProjectFacts, caption: string): Partial<TrainConfig> {
  const { name, trigger, purpose, base } = project;
  const demo = isDemo(project);
  return {
    output_name: fileNameOf(name),
    training_comment: oneLine(trigger) ? `trigger: ${oneLine(trigger)}` : '',
    sample_prompts: defaultPrompts({ purpose, trigger, demo, caption }),
    // For `npm run train` with the same file.
    ...(base
      ? { base_model: demo ? './public/demo/base.safetensors' : `./models/${oneLine(base.name)}` }
      : {}),
  };
}

function isDemo({ base }: ProjectFacts): boolean {
  return base?.where.in === 'demo';
}

function ownValues(settings: Project['settings']): Partial<TrainConfig> {
  const kept = Object.entries(settings).flatMap(([name, value]) => {
    const read = isFieldName(name) ? readValue(configFields[name], value, undefined) : undefined;
    return read && 'value' in read ? [[name, read.value] as const] : [];
  });
  return Object.fromEntries(kept); // each read by its own field
}
