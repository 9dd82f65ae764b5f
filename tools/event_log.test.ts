/** Event files on a disk: a run that goes on, one that was killed in the middle of a record, a disk that takes nothing. */
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkConfig } from '../src/formats/config/config';
import { fromBytes } from '../src/formats/safetensors/byte_source';
import { decodeEvent, type EventRecord } from '../src/formats/tensorboard/event';
import { readRecords } from '../src/formats/tensorboard/tfrecord';
import type { RunPlan, StepReport } from '../src/protocol/trainer';
import { EventLog } from './event_log';

let root = '';
let told: string[] = [];
let clock = 0;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'events-'));
  told = [];
  clock = Date.UTC(2026, 10, 29, 4, 5, 6);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const config = checkConfig({ output_name: 'ink', learning_rate: 1e-4 });
const plan = (more: Partial<RunPlan> = {}) => ({
  kind: 'plan' as const,
  plan: { steps: 8, stepsPerEpoch: 4, startedAt: Date.UTC(2026, 10, 29, 4, 5, 6), ...more } as RunPlan,
});
const step = (at: number, loss: number): StepReport => ({
  ...{
    kind: 'step',
    step: at,
    steps: 8,
    epoch: Math.ceil(at / 4),
    loss,
    averageLoss: loss,
    learningRate: 1e-4,
  },
  ...{ gradientNorm: 1, lossScale: 1, skipped: false, stepSeconds: 2, gpuBytes: 1e9, etaSeconds: 0 },
});
const log = () => new EventLog(join(root, 'logs'), config, (line) => told.push(line), () => (clock += 1000)); // prettier-ignore
const FOLDER = 'ink-20261129-040506';
const files = () => readdirSync(join(root, 'logs', FOLDER)).sort();

async function eventsOf(name: string): Promise<EventRecord[]> {
  const bytes = Uint8Array.from(readFileSync(join(root, 'logs', FOLDER, name)));
  const events: EventRecord[] = [];
  for await (const record of readRecords(fromBytes(bytes))) if (record) events.push(decodeEvent(record));
  return events;
}

const curve = (events: readonly EventRecord[], tag: string) =>
  events.flatMap(({ step, what }) =>
    what.kind !== 'values'
      ? []
      : what.values.flatMap((value) =>
          value.tag === tag && 'scalar' in value ? [[step, value.scalar]] : [],
        ),
  );

test('a run has a folder of its own, with its settings, curves and pictures', async () => {
  const events = log();
  await events.take(step(1, 9));
  await events.take(plan());
  const picture = {
    kind: 'sample' as const,
    step: 0,
    index: 1,
    prompt: 'a cat',
    seed: 1,
    width: 2,
    height: 3,
  };
  await events.take({ ...picture, rgba: new Uint8ClampedArray(24) }, Uint8Array.of(1, 2));
  for (const [at, loss] of [4, 3, 2, 1].entries()) await events.take(step(at + 1, loss));
  const [name = ''] = files();
  expect(name).toBe('events.out.tfevents.1795925107.lora-studio');
  const read = await eventsOf(name);
  expect(read.slice(0, 2).map(({ step, what }) => [step, what.kind])).toEqual([[0, 'version'], [1, 'start']]); // prettier-ignore
  expect(JSON.stringify(read[2])).toContain('output_name: ink');
  expect(read[3]?.what).toEqual({
    kind: 'values',
    values: [{ tag: 'samples/02 a cat', png: Uint8Array.of(1, 2), width: 2, height: 3 }],
  });
  expect(curve(read, 'loss/current')).toEqual([[1, 4], [2, 3], [3, 2], [4, 1]]); // prettier-ignore
  expect(curve(read, 'loss/epoch')).toEqual([[4, 2.5]]);
  expect(told).toEqual([]);
});

test('a resumed run goes on in a new file that says from where; a half record before it costs nothing', async () => {
  const first = log();
  await first.take(plan());
  for (const [at, loss] of [4, 3, 100].entries()) await first.take(step(at + 1, loss));
  const [name = ''] = files();
  const path = join(root, 'logs', FOLDER, name);
  truncateSync(path, readFileSync(path).length - 3);
  // The clock was set back meanwhile.
  clock = Date.UTC(2026, 10, 28);
  const second = log();
  await second.take(plan({ from: 2 }));
  await second.take(step(3, 2));
  await second.take(step(4, 1));
  expect(files()).toHaveLength(2);
  expect(files()[0]).toBe(name);
  const read = await eventsOf(files()[1] ?? '');
  expect(read[1]).toMatchObject({ step: 3, what: { kind: 'start' } });
  expect(curve(read, 'loss/current')).toEqual([[3, 2], [4, 1]]); // prettier-ignore
  expect(curve(read, 'loss/epoch')).toEqual([[4, 2.5]]);
});

test('a run that begins again before it saved anything stays one run', async () => {
  const events = log();
  await events.take(plan({ startedAt: Date.UTC(2026, 10, 29, 1, 2, 3) }));
  await events.take(step(1, 4));
  await events.take(plan());
  await events.take(step(1, 4));
  expect(readdirSync(join(root, 'logs'))).toEqual([FOLDER]);
  expect((await eventsOf(files()[1] ?? ''))[1]).toMatchObject({ step: 1, what: { kind: 'start' } });
});

test('where nothing can be written, that is told once, and what comes later is written again', async () => {
  writeFileSync(join(root, 'logs'), 'a file');
  const events = log();
  await events.take(plan());
  await events.take(step(1, 4));
  await expect
    .poll(() => told)
    .toEqual([expect.stringMatching(/TensorBoard are not written\..*The run goes on/)]);
  rmSync(join(root, 'logs'));
  await events.take(step(2, 3));
  expect(curve(await eventsOf(files()[0] ?? ''), 'loss/current')).toEqual([[2, 3]]);
  expect(told).toHaveLength(1);
});

test('an earlier file that is damaged is told, and the run goes on', async () => {
  const first = log();
  await first.take(plan());
  await first.take(step(1, 4));
  appendFileSync(join(root, 'logs', FOLDER, files()[0] ?? ''), 'x'.repeat(40));
  await log().take(plan({ from: 1 }));
  expect(told).toEqual([expect.stringContaining('cannot all be read')]);
  expect(files()).toHaveLength(2);
});
