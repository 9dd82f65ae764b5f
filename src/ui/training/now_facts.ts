/** What is said of the run right now, for the eye and for screen readers: one remaining time for both. */
import type { Run } from '../../storage/runs';
import type { NowFacts } from './now_words';
import type { ShownRun } from '../runs/shown_run.svelte';

/** The first steps compile; the time left is said after them. */
const KNOWN_AFTER = 3;

export function nowFacts(run: ShownRun, record: Run, at: number): NowFacts {
  const { latest, latestAt, step, samples, config } = run;
  const known = latest && run.points.length > KNOWN_AFTER;
  return {
    now: run.now,
    asked: run.asked,
    step,
    record,
    // As of the last step; what has passed since is over, whatever it went into.
    left: known ? Math.max(0, latest.etaSeconds - (at - latestAt) / 1000) : undefined,
    safe: run.safe?.step,
    drawn: {
      done: samples.filter((sample) => sample.step === step).length,
      total: config?.sample_prompts.length ?? 0,
    },
    at,
  };
}
