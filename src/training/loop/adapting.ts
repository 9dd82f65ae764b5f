/**
 * A run that goes on where the GPU's memory runs out: from what was saved last, with more blocks recomputed and then with
 * fewer pictures at once. Pictures, noise, timesteps and captions of every sample stay those of the run; passes of other
 * sizes may round differently.
 */
import { fromBlob } from '../../formats/safetensors/byte_source';
import { openGpu, OutOfMemoryError, reopenDevice } from '../../kernels/device';
import type { RunPlan, TrainEvent } from '../../protocol/trainer';
import type { Economy } from '../plan/memory';
import { LEAST_TILE } from '../sampling/sample';
import type { TrainingRun } from './prepare';
import { train } from './train';

/** `train`, adapting. Throws `OutOfMemoryError` where nothing is left to save on. */
export async function* trainAdapting(run: TrainingRun): AsyncGenerator<TrainEvent, void> {
  let states = { state: run.state, olderStates: run.olderStates };
  let most: Economy | undefined = run.most;
  let plan: RunPlan | undefined;
  let step = 0;
  let firstDrawn = run.firstSamplesDrawn ?? false;
  for (;;) {
    try {
      for await (const event of train({
        ...run,
        ...(states.state ? { state: states.state } : {}),
        ...(states.olderStates ? { olderStates: states.olderStates } : {}),
        ...(most ? { most } : {}),
        firstSamplesDrawn: firstDrawn,
      })) {
        // Steps are compiled after the samples of step 0.
        if (event.kind === 'phase' && event.phase === 'compile') firstDrawn = true;
        if (event.kind === 'plan') {
          ({ plan } = event);
          step = plan.from ?? 0;
        }
        if (event.kind === 'saved') {
          states = { state: fromBlob(event.state.blob), olderStates: undefined };
          ({ step } = event);
        }
        yield event;
      }
      return;
    } catch (error) {
      if (!(await ranOut(error))) throw error;
      most = plan && less(plan);
      if (!plan || !most) throw new OutOfMemoryError();
      const { firstKeptBlock: recomputedBlocks, microBatch } = most;
      yield { kind: 'adapted', step, recomputedBlocks, blocks: plan.blocks, microBatch };
    }
  }
}

/** The next smaller run: all blocks recomputed, then halves of the pictures at once. Undefined: there is none. */
function less({ recomputedBlocks, blocks, microBatch }: RunPlan): Economy | undefined {
  const all = blocks;
  const samples = { guidedTogether: false, decodeTile: LEAST_TILE };
  if (recomputedBlocks < all) return { firstKeptBlock: all, microBatch, ...samples };
  if (microBatch === 1) return undefined;
  return { firstKeptBlock: all, microBatch: Math.floor(microBatch / 2), ...samples };
}

/** Whatever failed, memory that ran out is why; the news of it may come after the failure. */
async function ranOut(error: unknown): Promise<boolean> {
  const open = openGpu();
  if (!open) return false;
  await open.device.queue.onSubmittedWorkDone().catch(() => undefined);
  if (!open.outOfMemory && !(error instanceof OutOfMemoryError)) return false;
  // A step that failed under the tape cannot give back all it held: the device does.
  await reopenDevice();
  return true;
}
