/**
 * A run as it is shown: its record, curve, samples, checkpoints and log, from storage or as they come, and what there is
 * to say about it. What happens to it is in run.svelte.ts.
 */
import type { TrainConfig } from '../../formats/config/config_fields';
import type { StepReport } from '../../protocol/trainer';
import {
  getLog,
  getPoints,
  getRun,
  listCheckpoints,
  listSamples,
  type Checkpoint,
  type LogLine,
  type Point,
  type Run,
} from '../../storage/runs';
import { inLanguage } from '../language.svelte';
import type { messages } from './messages';
import { configOf } from './run_config';
import type { RunWriter, Trouble } from './run_writer';
import { chime } from './sound';
import type { CheckpointView, Notice, Now, PhaseTime, SampleView } from './states';

/** Loaded before anything of a run is begun: the page opens without them. */
let words: typeof messages | undefined;

export class ShownRun {
  now: Now = $state.raw({ state: 'idle' });
  /** The run shown; undefined until there is one. */
  record: Run | undefined = $state.raw();
  points: readonly Point[] = $state.raw([]);
  samples: readonly SampleView[] = $state.raw([]);
  checkpoints: readonly CheckpointView[] = $state.raw([]);
  log: readonly LogLine[] = $state.raw([]);
  phases: readonly PhaseTime[] = $state.raw([]);
  latest: StepReport | undefined = $state.raw();
  /** When it came, in milliseconds since 1970. */
  latestAt = $state(0);
  notices: readonly Notice[] = $state.raw([]);
  /** What was asked and is not done yet. */
  asked: 'pause' | 'stop' | undefined = $state.raw();
  /** Of the run shown. */
  config: TrainConfig | undefined = $state.raw();
  /** Why the newest checkpoint could not be kept, and the file itself: only in memory. */
  notKept: (Trouble & { file?: { name: string; blob: Blob } }) | undefined = $state.raw();
  sound = $state(false);
  /** Whether a run whose loss is far above where it began is to be paused. */
  pauseDiverged = $state(true);

  /** A worker is at it, or about to be. */
  readonly active: boolean = $derived(
    ['preparing', 'training', 'sampling', 'saving', 'paused', 'silent', 'recovering'].includes(
      this.now.state,
    ),
  );
  readonly steps: number = $derived(this.record?.steps ?? 0);
  readonly step: number = $derived(this.latest?.step ?? this.record?.step ?? 0);
  readonly progress: number = $derived(this.steps ? this.step / this.steps : 0);
  readonly safe: CheckpointView | undefined = $derived(this.checkpoints.at(-1));

  /** Of the run under way: what is noted or changed goes to storage through it. */
  writer: RunWriter | undefined;

  /** Shows a run from storage, as it was left. Does nothing while another is under way. */
  async show(id: string): Promise<void> {
    if (this.active || this.record?.id === id) return;
    const run = await getRun(id);
    if (!run || this.active) return;
    const [points, log, checkpoints, samples] = await Promise.all([
      getPoints(id),
      getLog(id),
      listCheckpoints(id),
      listSamples(id),
    ]);
    const config = await configOf(run);
    if (this.active) return;
    this.put(run, config);
    this.points = points;
    this.log = log;
    this.checkpoints = checkpoints.map(viewOf);
    this.samples = samples.map((sample) => ({ ...sample, url: URL.createObjectURL(sample.image) }));
    if (run.state === 'finished' || run.state === 'stopped') this.now = { state: run.state };
    else if (run.state === 'failed')
      this.now = { state: 'failed', why: 'other', sentence: run.sentence ?? '' };
  }

  /** Shows no run. */
  forget(): void {
    if (this.active) return;
    this.clear();
    this.record = undefined;
    this.now = { state: 'idle' };
  }

  /** Steps after this one come again, with the same numbers. */
  dropAfter(step: number): void {
    this.points = this.points.filter((point) => point.step <= step);
    this.latest = undefined;
  }

  dismiss(notice: Notice): void {
    this.notices = this.notices.filter((each) => each !== notice);
  }

  // ---- for what makes up the run, not for screens ----

  /** One notice of a kind: the newer says more. */
  tell(notice: Notice): void {
    this.notices = [...this.notices.filter(({ kind }) => kind !== notice.kind), notice];
    if (this.sound && notice.kind !== 'recovered') chime();
  }

  note(text: string): void {
    const line = { at: Date.now(), text };
    this.remember(line);
    this.writer?.line(line);
  }

  remember(line: LogLine): void {
    this.log = [...this.log, line];
  }

  change(patch: Partial<Run>): void {
    if (!this.record) return;
    this.record = { ...this.record, ...patch, changedAt: Date.now() };
    this.writer?.change(this.record);
  }

  /** In place of whatever was shown. */
  put(record: Run, config: TrainConfig | undefined): void {
    this.clear();
    this.record = record;
    this.config = config;
    this.now = { state: 'idle' };
  }

  protected clear(): void {
    for (const { url } of this.samples) URL.revokeObjectURL(url);
    this.writer = undefined;
    this.points = [];
    this.samples = [];
    this.checkpoints = [];
    this.log = [];
    this.phases = [];
    this.notices = [];
    this.latest = undefined;
    this.notKept = undefined;
    this.config = undefined;
    this.asked = undefined;
  }

  /** Loads the words it is told in. */
  protected async ready(): Promise<void> {
    words ??= (await import('./messages')).messages;
  }

  /** Only after `ready`. */
  words(): (typeof messages)['en'] {
    if (!words) throw new Error('A run was begun before its words were loaded.');
    return inLanguage(words);
  }
}

export function viewOf({ step, name, savedAt, final, lora }: Checkpoint): CheckpointView {
  return { step, name, savedAt, final, bytes: lora.size };
}
