/** The trainer's worker: one run at a time, reported event by event. */
import * as Comlink from 'comlink';
import type { Trainer } from '../src/protocol/trainer';
import { runJob } from '../src/training/job';
import { decodeImage } from './decode_image';

let running: AbortController | undefined;

const trainer = {
  async train(job, onEvent) {
    if (running) throw new Error('A run is under way already. Stop it first.');
    running = new AbortController();
    try {
      for await (const event of runJob(job, decodeImage, running.signal)) await onEvent(event);
    } finally {
      running = undefined;
    }
  },
  stop() {
    running?.abort();
  },
} satisfies Trainer;

Comlink.expose(trainer);
