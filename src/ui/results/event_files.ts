/**
 * What the studio keeps of runs (curve, samples, settings) as a zip of event files for TensorBoard, a folder a run. Points
 * and samples of an old run may lack what is kept today: such a curve is left out.
 */
import type { EventRecord } from '../../formats/tensorboard/event';
import {
  configurationValue,
  eventFileName,
  opening,
  recordBytes,
  RunEvents,
  runFolder,
  sampleTag,
} from '../../formats/tensorboard/run_events';
import { writeZip } from '../../formats/zip/zip_write';
import { getPoints, listSamples, type Point, type Run, type Sample } from '../../storage/runs';
import { configOf } from '../runs/run_config';

/** A zip whose unpacked folder TensorBoard is pointed at. */
export function eventsZip(runs: readonly Run[]): Promise<Blob> {
  return writeZip(
    (async function* () {
      for (const run of runs) {
        const [points, samples, config] = await Promise.all([
          getPoints(run.id),
          listSamples(run.id),
          configOf(run),
        ]);
        const folder = runFolder(config?.output_name ?? 'run', run.startedAt);
        const file = await eventFile(run, points, samples, config?.train_unet ?? true);
        yield { path: `${folder}/${eventFileName(run.startedAt / 1000)}`, file };
      }
    })(),
  );
}

/** One run's file. `points` by step, each step once; pictures are read one at a time. */
export async function eventFile(
  { startedAt, steps, plan, config }: Pick<Run, 'startedAt' | 'steps' | 'plan' | 'config'>,
  points: readonly Point[],
  samples: readonly Sample[],
  trainsUnet: boolean,
): Promise<Blob> {
  const begun = startedAt / 1000;
  const parts: Blob[] = [];
  const add = (records: readonly EventRecord[]) => parts.push(new Blob(records.map(recordBytes)));
  const values = (time: number, step: number, list: ReturnType<RunEvents['step']>): EventRecord => ({
    ...{ time, step },
    what: { kind: 'values', values: list },
  });
  add([...opening(begun, 0), values(begun, 0, [configurationValue(config)])]);
  const curves = new RunEvents({ steps, stepsPerEpoch: plan?.stepsPerEpoch, trainsUnet });
  add(points.map((point) => values(begun + point.seconds, point.step, curves.step(point))));

  const rows = new Map<string, number>();
  for (const { step, prompt, seed, width, height, image } of samples) {
    const key = JSON.stringify([prompt, seed]);
    const index = rows.get(key) ?? rows.size;
    rows.set(key, index);
    const seconds = points.findLast((point) => point.step <= step)?.seconds ?? 0;
    const png = new Uint8Array(await image.arrayBuffer());
    add([values(begun + seconds, step, [{ tag: sampleTag(index, prompt), png, width, height }])]);
  }
  return new Blob(parts);
}
