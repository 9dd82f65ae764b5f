/** A run whose GPU is taken from under it ends as a lost GPU, which is resumed, and not as one that a person stopped. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { defaultConfig } from '../../formats/config/config';
import { formatConfig } from '../../formats/config/config_format';
import { gpu } from '../../kernels/device';
import type { TrainEvent, TrainJob } from '../../protocol/trainer';
import { Asks } from './asks';
import { runJob, type Decode } from './job';
import { pictures, SHORT } from '../run.testing';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url));

function job(): TrainJob {
  const small = { batch_size: 1, gradient_accumulation_steps: 1, resolution: 64, sample_prompts: [] };
  const config = { ...defaultConfig(), ...SHORT, ...small, mixed_precision: 'fp32' as const };
  return {
    config: formatConfig(config),
    baseName: 'tiny',
    base: [new Blob([read('reference/golden/tiny-sd15.safetensors')])],
    merges: read('public/clip/merges.txt').toString(),
    images: pictures().map(({ name, caption, repeats }) => ({
      name,
      caption,
      repeats,
      file: new Blob([name]),
    })),
  };
}

const decode: Decode = ({ name }) => {
  const found = pictures().find((picture) => picture.name === name);
  if (!found) throw new Error(`There is no ${name}.`);
  return Promise.resolve(found);
};

/** Does something at the first event of a kind; gives how the run ended. */
async function ended(kind: TrainEvent['kind'], then: (asks: Asks) => void): Promise<unknown> {
  const asks = new Asks();
  let done = false;
  try {
    for await (const event of runJob(job(), decode, asks)) {
      if (event.kind !== kind || done) continue;
      done = true;
      then(asks);
    }
  } catch (error) {
    return error instanceof Error ? error.name : error;
  }
  return 'ended';
}

test('a device destroyed from outside is a lost one', async () => {
  expect(await ended('step', () => gpu().device.destroy())).toBe('DeviceLostError');
});

test('a run that is asked to stop while it loads is none', async () => {
  expect(await ended('progress', (asks) => asks.ask('stop'))).toBe('AbortError');
});
