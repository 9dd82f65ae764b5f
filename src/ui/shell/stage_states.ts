/**
 * Each stage's state in words and figures, as the rail shows it. Pure functions of plain facts; a long form for the
 * rail, a brief one for the stepper of small screens.
 */
import type { Purpose } from '../../protocol/captioner';
import type { Missing } from '../project/missing';
import type { Now } from '../runs/states';
import { duration, number } from '../figures';
import type { messages } from './messages';

type Words = (typeof messages)['en']['state'];

export interface StageState {
  readonly full: string;
  readonly brief: string;
  readonly done?: boolean;
  readonly warn?: boolean;
  /** 0 to 1, drawn as an arc. */
  readonly progress?: number;
}

export function imagesState(words: Words, used: number): StageState {
  if (used === 0) return { full: words.noImages, brief: '–' };
  return { full: words.images(used), brief: number(used), done: true };
}

export function captionsState(words: Words, used: number, captioned: number): StageState {
  if (used === 0) return { full: words.afterImages, brief: '–' };
  const done = captioned === used;
  return {
    full: words.captioned(captioned, used),
    brief: done ? number(captioned) : `${captioned}/${used}`,
    done,
    progress: captioned / used,
  };
}

export interface SettingsFacts {
  readonly purpose: Purpose;
  readonly problems: number;
  /** What stands between the person and Start, as the settings screen lists it. */
  readonly missing: readonly Missing[];
  /** Whether the trainer has to say first if a budget that was set by hand is kept. */
  readonly unsure?: boolean;
  /** Undefined until pictures, model and speed are known. */
  readonly seconds?: number | undefined;
  readonly bytes?: string | undefined;
}

export function settingsState(words: Words, facts: SettingsFacts): StageState {
  if (facts.problems > 0) {
    return { full: words.toFix(facts.problems), brief: String(facts.problems), warn: true };
  }
  const { missing } = facts;
  const time = facts.seconds === undefined ? undefined : duration(facts.seconds);
  const figures = [time, facts.bytes].filter((each) => each !== undefined);
  const wrong = missing.find((each) => each === 'memory' || each === 'tooLarge' || each === 'unusable');
  if (wrong) {
    return { full: [words.missing[wrong], ...figures].join(' · '), brief: '!', warn: true };
  }
  // Nothing is there yet, or another tab has the project: what was chosen is all there is to say.
  const begun = !(missing.includes('pictures') && missing.includes('base'));
  const [first] = missing.filter((each) => each !== 'problems' && each !== 'readOnly');
  if (first && begun) return { full: words.missing[first], brief: words.presetBrief[facts.purpose] };
  if (missing.length > 0 || facts.unsure) {
    const preset = begun ? [words.preset[facts.purpose], ...figures] : [words.preset[facts.purpose]];
    return { full: preset.join(' · '), brief: words.presetBrief[facts.purpose] };
  }
  return { full: [words.ready, ...figures].join(' · '), brief: time ?? words.ready, done: true };
}

export interface TrainingFacts {
  readonly now: Now;
  readonly step: number;
  readonly steps: number;
  /** An unfinished run that nobody trains. */
  readonly left?: { readonly step: number; readonly steps: number } | undefined;
  /** Of the run that would start. */
  readonly stepSeconds?: number | undefined;
}

export function trainingState(words: Words, facts: TrainingFacts): StageState {
  const { now, step, steps, left } = facts;
  const progress = steps > 0 ? step / steps : 0;
  const percent = `${Math.floor(progress * 100)} %`;
  const at = number(step);
  switch (now.state) {
    case 'idle':
      if (left) {
        return {
          full: words.leftAt(number(left.step)),
          brief: '!',
          warn: true,
          progress: left.step / Math.max(1, left.steps),
        };
      }
      if (facts.stepSeconds === undefined) return { full: words.notStarted, brief: '–' };
      return { full: words.perStep(duration(facts.stepSeconds)), brief: '–' };
    case 'preparing':
      return { full: words.preparing, brief: '…', progress: 0 };
    case 'training':
    case 'sampling':
    case 'saving':
    case 'recovering':
      return { full: words.step(at, number(steps)), brief: percent, progress };
    case 'paused':
    case 'silent':
    case 'unstable':
    case 'waiting':
      return { full: words.pausedAt(at), brief: words.paused, warn: true, progress };
    case 'failed':
      return {
        full: step > 0 ? words.failedAt(at) : words.failed,
        brief: words.failed,
        warn: true,
        progress,
      };
    case 'stopped':
      return { full: words.stoppedAt(at), brief: at, progress };
    case 'finished':
      return { full: words.finished, brief: '100 %', done: true };
  }
}

export function resultsState(words: Words, checkpoints: number): StageState {
  if (checkpoints === 0) return { full: words.noCheckpoints, brief: '–' };
  return { full: words.checkpoints(checkpoints), brief: number(checkpoints), done: true };
}

/** A run that a reload would cut. */
export function isUnderWay({ state }: Now): boolean {
  return !['idle', 'failed', 'stopped', 'finished'].includes(state);
}
