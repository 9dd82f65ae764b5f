/** A run of the page as an event file, read back record by record. */
import { expect, test } from 'vitest';
import { decodeEvent, type EventRecord } from '../../formats/tensorboard/event';
import { readRecords } from '../../formats/tensorboard/tfrecord';
import { fromBlob } from '../../formats/safetensors/byte_source';
import type { RunPlan } from '../../protocol/trainer';
import type { Sample } from '../../storage/runs';
import { eventFile } from './event_files';

const run = {
  ...{ startedAt: 1_700_000_000_000, steps: 3, config: 'lora_rank: 8\n' },
  plan: { stepsPerEpoch: 2 } as RunPlan,
};
const old = { epoch: 1, learningRate: 1e-4, gradientNorm: 0.5 };
const points = [
  { ...old, step: 1, loss: 0.5, seconds: 2 },
  {
    ...old,
    step: 2,
    loss: 0.25,
    seconds: 5,
    averageLoss: 0.375,
    lossScale: 4,
    stepSeconds: 3,
    gpuBytes: 2e9,
  },
  { ...old, step: 3, loss: 1, seconds: 8, epoch: 2 },
];

function sample(step: number, prompt: string, seed: number): Sample {
  const image = new Blob([Uint8Array.of(step, seed)]);
  return { run: 'r', step, prompt, seed, width: 4, height: 6, image };
}

async function read(trainsUnet: boolean): Promise<EventRecord[]> {
  const samples = [sample(0, 'a', 1), sample(0, 'b', 1), sample(2, 'b', 1), sample(2, 'a', 1)];
  const events: EventRecord[] = [];
  for await (const record of readRecords(fromBlob(await eventFile(run, points, samples, trainsUnet))))
    if (record) events.push(decodeEvent(record));
  return events;
}

test('curves, settings and samples are there, each with its step and time', async () => {
  const events = await read(true);
  const all = events.flatMap(({ step, time, what }) =>
    what.kind !== 'values'
      ? []
      : what.values.map((value) => [
          ...[value.tag, step, time - 1_700_000_000],
          'scalar' in value ? value.scalar : 'text' in value ? value.text : [...value.png],
        ]),
  );
  const of = (tag: string) => all.filter(([each]) => each === tag).map(([, ...rest]) => rest);
  expect(events.slice(0, 2).map(({ what }) => what.kind)).toEqual(['version', 'start']);
  expect(of('configuration')).toEqual([[0, 0, '    lora_rank: 8\n']]);
  expect(of('loss/current')).toEqual([[1, 2, 0.5], [2, 5, 0.25], [3, 8, 1]]); // prettier-ignore
  expect(of('loss/epoch')).toEqual([[2, 5, 0.375], [3, 8, 1]]); // prettier-ignore
  // Points from before these were kept have none.
  for (const [tag, value] of [
    ['loss/average', 0.375],
    ['loss_scale', 4],
    ['seconds_a_step', 3],
    ['memory/gpu_gb', 2],
  ] as const)
    // prettier-ignore
    expect(of(tag)).toEqual([[2, 5, value]]);
  // A prompt keeps its place, whatever order a later step has.
  expect(of('samples/01 a')).toEqual([[0, 0, [0, 1]], [2, 5, [2, 1]]]); // prettier-ignore
  expect(of('samples/02 b')).toEqual([[0, 0, [0, 1]], [2, 5, [2, 1]]]); // prettier-ignore
  expect(of('lr/unet')).toHaveLength(3);
});

test('where the text encoder alone is trained, the rate is its', async () => {
  const tags = (await read(false)).flatMap(({ what }) =>
    what.kind === 'values' ? what.values.map(({ tag }) => tag) : [],
  );
  expect(tags.filter((tag) => tag.startsWith('lr/'))).toEqual(['lr/textencoder', 'lr/textencoder', 'lr/textencoder']); // prettier-ignore
});
