/**
 * What is loaded with a run that starts: it listens whether the trainer is still there, and refuses a run that this version
 * cannot take up. The rules of silence are in heartbeat.ts.
 */
import { ConfigError, parseConfig } from '../../formats/config/config';
import { getRunPictures, type Run } from '../../storage/runs';
import { inLanguage } from '../language.svelte';
import { askTrainer } from '../engine/trainer_worker';
import { faultMessages } from './fault_messages';
import { Heartbeat, TICK_MS, type Pulse } from './heartbeat';
import type { ShownRun } from './shown_run.svelte';
import { chime } from './sound';
import { studio } from '../studio.svelte';

export interface Watch {
  /** An event of the run came. */
  heard(): void;
  end(): void;
}

/** `software`: the GPU is the CPU. */
export function watch(shown: ShownRun, software: boolean): Watch {
  const m = () => inLanguage(faultMessages);
  const beat = new Heartbeat({
    ask: askTrainer,
    pulse: () => ({ ...pulseOf(shown), software }),
    silent(what) {
      shown.now = { state: 'silent', what, since: Date.now(), before: shown.now };
      shown.note(m().logSilent[what]);
      if (shown.sound) chime();
    },
    back() {
      if (shown.now.state !== 'silent') return;
      shown.now = shown.now.before;
      shown.note(m().logBack);
    },
  });
  const timer = setInterval(() => beat.tick(Date.now()), TICK_MS);
  return { heard: () => beat.heard(), end: () => clearInterval(timer) };
}

function pulseOf({ now, latest, record }: ShownRun): Omit<Pulse, 'software'> {
  const { state } = now.state === 'silent' ? now.before : now;
  const stepSeconds = record?.stepSeconds ?? 0;
  if (state === 'paused') return { doing: 'pause', stepSeconds };
  // How long a step takes is known by the first that was.
  return { doing: state === 'training' && latest ? 'steps' : 'long', stepSeconds };
}

/** The run was begun by a version of the studio with other settings: what they do cannot be done here. */
export class OtherVersionError extends Error {
  override readonly name = 'OtherVersionError';
  readonly code = 'unknown';
  readonly facts: { settings: string };
  constructor(settings: string) {
    super(
      `Another version of the studio began this run, with settings that this one does not know or allow (${settings}). Reload the page to get the current version; what was saved is under Results.`,
    );
    this.facts = { settings };
  }
}

/** Throws `OtherVersionError`. What is stored was written by the studio: whatever is wrong with it, a version's difference is why. */
export function refuseOtherVersion({ config }: Run): void {
  try {
    parseConfig(config);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new OtherVersionError(error.problems.map(({ field, sentence }) => field ?? sentence).join(', '));
  }
}

/**
 * Whether what the run was begun with is in storage no more, as this browser or a person has cleared it. That is said, and
 * the project put back, so that what the run saves from now on can be found.
 */
export async function lookWhetherCleared(shown: ShownRun, { id, images, project }: Run): Promise<void> {
  if (images === 0 || (await getRunPictures(id)).length > 0) return;
  if (shown.notices.some(({ kind }) => kind === 'cleared')) return;
  shown.tell({ kind: 'cleared' });
  shown.note(inLanguage(faultMessages).cleared);
  if (studio.project.id === project) studio.change({});
}
