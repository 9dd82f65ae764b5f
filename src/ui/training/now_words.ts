/** What the run is doing, in a few words and a smaller addition: for the eye, the title and screen readers alike. */
import type { Run } from '../../storage/runs';
import { clock, comingMoment, duration, number, size } from '../figures';
import type { messages } from '../runs/messages';
import type { Now } from '../runs/states';
import { inLanguage } from '../language.svelte';
import { faultMessages } from '../runs/fault_messages';

export interface NowFacts {
  now: Now;
  asked: 'pause' | 'stop' | undefined;
  step: number;
  record: Run;
  /** Seconds left, samples and saving among them, once it is known. */
  left: number | undefined;
  /** What the run would go on from, if it was left. */
  safe: number | undefined;
  /** Samples of this step. */
  drawn: { done: number; total: number };
  /** Milliseconds since 1970. */
  at: number;
}

/** `figure`: the first is one, not words. */
export interface NowWords {
  big: string;
  small: string;
  figure?: boolean;
}

export function nowWords(
  m: (typeof messages)['en'],
  { now, asked, step, record, left, safe, drawn, at }: NowFacts,
): NowWords {
  switch (now.state) {
    case 'idle':
      return {
        big: m.paused,
        small:
          safe === undefined
            ? m.leftUnsaved(number(step), number(record.steps))
            : m.leftAt(number(step), number(record.steps), number(safe)),
      };
    case 'preparing': {
      const counted =
        now.total === undefined || now.done === undefined
          ? m.preparingHint[now.phase]
          : now.unit === 'bytes'
            ? m.countedOf(size(now.done), size(now.total))
            : m.countedOf(number(now.done), number(now.total));
      return { big: m.preparing[now.phase], small: asked === 'stop' ? m.stopping : counted };
    }
    case 'training': {
      if (asked) return { big: asked === 'stop' ? m.stopping : m.pausing, small: '' };
      if (left === undefined) return { big: m.measuring, small: m.measuringHint };
      return { big: m.left(duration(left)), small: m.ends(comingMoment(at + left * 1000, at)), figure: true };
    }
    case 'sampling': {
      if (asked) return { big: m.sampling, small: asked === 'stop' ? m.stoppingSamples : m.pausing };
      const count =
        drawn.total > 0
          ? m.countedOf(number(Math.min(drawn.done + 1, drawn.total)), number(drawn.total))
          : '';
      const rest = left === undefined ? '' : m.left(duration(left));
      return { big: m.sampling, small: [count, rest].filter(Boolean).join(' · ') };
    }
    case 'saving':
      return { big: m.saving, small: '' };
    case 'paused':
      return { big: m.paused, small: m.pausedAt(number(step)) };
    case 'silent': {
      const f = inLanguage(faultMessages);
      return { big: f.silent[now.what], small: f.silentFor(duration((at - now.since) / 1000)) };
    }
    case 'recovering':
      return { big: m.recovering, small: m.recoveringHint };
    case 'waiting':
      return { big: m.waiting, small: now.until > at ? clock((now.until - at) / 1000) : '' };
    case 'unstable':
      return { big: m.paused, small: m.stepNamed(number(now.step)) };
    case 'failed':
      return { big: m.failed, small: '' };
    case 'stopped': {
      const small = record.step ? m.stoppedAt(number(record.step), number(record.steps)) : m.stoppedEmpty;
      return { big: m.stopped, small };
    }
    case 'finished':
      return { big: m.finished, small: m.finishedAt(number(record.steps), duration(record.seconds)) };
  }
}
