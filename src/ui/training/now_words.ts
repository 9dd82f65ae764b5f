/** What the run is doing, in a few words and a smaller addition: for the eye, the title and screen readers alike. */
import type { Run } from '../../storage/runs';
import { clock, duration, number, size } from '../shell/figures';
import type { messages } from './messages';
import type { Now } from './states';

export interface NowFacts {
  now: Now;
  asked: 'pause' | 'stop' | undefined;
  step: number;
  record: Run;
  /** Seconds left, once it is known. */
  left: number | undefined;
  /** Milliseconds since 1970. */
  at: number;
  /** For times of day. */
  tag: string;
}

export function nowWords(
  m: (typeof messages)['en'],
  { now, asked, step, record, left, at, tag }: NowFacts,
): { big: string; small: string } {
  switch (now.state) {
    case 'idle':
      return { big: m.paused, small: m.stoppedAt(number(step), number(record.steps)) };
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
      const end = new Date(at + left * 1000);
      const time = end.toLocaleTimeString(tag, { hour: '2-digit', minute: '2-digit' });
      return { big: m.left(duration(left)), small: m.ends(time) };
    }
    case 'sampling':
      return { big: m.sampling, small: asked === 'stop' ? m.stopping : asked ? m.pausing : m.samplingHint };
    case 'saving':
      return { big: m.saving, small: '' };
    case 'paused':
      return { big: m.paused, small: m.pausedAt(number(step)) };
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
