/** The trainer's worker: one thing at a time, reported event by event. */
import type { Trainer } from '../src/protocol/trainer';
import { Asks } from '../src/training/loop/asks';
import { estimate } from '../src/training/plan/estimate';
import { runDraw } from '../src/training/sampling/draw_job';
import { runJob } from '../src/training/loop/job';
import { openForQuestions, probe } from '../src/training/plan/probe';
import { latentStore } from '../src/storage/latents';
import { getTuning, putTuning } from '../src/storage/tunings';
import { decodeImage } from './decode_image';
import { expose } from './expose';

const tunings = { get: getTuning, put: putTuning };

let running: Asks | undefined;
let drawing: AbortController | undefined;
let last: Promise<unknown> = Promise.resolve();

class BusyError extends Error {
  override readonly name = 'BusyError';
  readonly code = 'busy';
  readonly facts = {};
  constructor() {
    super('A run is under way. Stop it first.');
  }
}

/** Short things wait for each other; none waits for a run. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running) throw new BusyError();
  const turn = last.then(work, work);
  last = turn.catch(() => undefined);
  return turn;
}

const trainer = {
  train(job, onEvent) {
    // A run needs the GPU to itself.
    drawing?.abort();
    return inTurn(async () => {
      running = new Asks();
      try {
        const latents = job.project === undefined ? undefined : latentStore(job.project);
        const kept = { tunings, ...(latents ? { latents } : {}) };
        for await (const event of runJob(job, decodeImage, running, kept)) await onEvent(event);
      } finally {
        running = undefined;
      }
    });
  },
  ask(what) {
    running?.ask(what);
    if (what === 'stop') drawing?.abort();
  },
  alive: () => true,
  estimate: (request) =>
    inTurn(async () => {
      await openForQuestions(tunings);
      return estimate(request);
    }),
  probe: () => inTurn(probe),
  draw: (request, onEvent) =>
    inTurn(async () => {
      drawing = new AbortController();
      try {
        for await (const event of runDraw(request, drawing.signal)) await onEvent(event);
      } finally {
        drawing = undefined;
      }
    }),
} satisfies Trainer;

expose(trainer);
