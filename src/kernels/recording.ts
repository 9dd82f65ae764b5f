/**
 * Records the dispatches of a training step once and replays them. A step whose shapes do not change is the same
 * list of dispatches over the same buffers every time: whatever varies is read from tensors that are written between
 * replays. Temporaries live in an arena that all recordings share and nothing else can be handed.
 */
import * as tf from '@tensorflow/tfjs';
import { gpu } from './device';
import { Arena } from './buffers';
import { flush, listening, replayAll, type Dispatch } from './program';

/** A named stretch of a recording, such as `forward`, for measuring. */
export interface Segment {
  name: string;
  start: number;
}

export class Recording {
  constructor(
    private readonly dispatches: readonly Dispatch[],
    readonly segments: readonly Segment[],
  ) {}

  get length(): number {
    return this.dispatches.length;
  }

  get flops(): number {
    return flopsOf(this.dispatches);
  }

  /** Encodes and submits all dispatches again. Returns at once: the GPU runs behind. */
  replay(): void {
    replayAll(this.dispatches);
  }

  /** Replays one segment after another and waits for each. Milliseconds by name; repeated names add up. */
  async replayTimed(): Promise<Record<string, number>> {
    const ms: Record<string, number> = {};
    for (const [i, segment] of this.segments.entries()) {
      const end = this.segments[i + 1]?.start ?? this.dispatches.length;
      const started = performance.now();
      replayAll(this.dispatches.slice(segment.start, end));
      await gpu().device.queue.onSubmittedWorkDone();
      ms[segment.name] = (ms[segment.name] ?? 0) + performance.now() - started;
    }
    return ms;
  }

  /** Dispatches by program name, in the order recorded: for measuring. They last as long as the recording's arena. */
  byProgram(): ReadonlyMap<string, readonly Dispatch[]> {
    const programs = new Map<string, Dispatch[]>();
    for (const dispatch of this.dispatches) {
      const known = programs.get(dispatch.name);
      if (known) known.push(dispatch);
      else programs.set(dispatch.name, [dispatch]);
    }
    return programs;
  }
}

/** Records steps into one shared arena. Persistent tensors used by a recording must outlive it. */
export class Recorder {
  private readonly arena = new Arena();

  /** Bytes of temporaries that all recordings share. */
  get arenaBytes(): number {
    return this.arena.bytes;
  }

  /**
   * Runs `step` once, for real, and returns its recording. Every tensor that `step` makes is disposed at its end:
   * results must be written into tensors made before. `mark` inside `step` starts a segment.
   */
  record(step: (mark: (segment: string) => void) => void): Recording {
    const dispatches: Dispatch[] = [];
    const segments: Segment[] = [{ name: 'step', start: 0 }];
    flush();
    listening(
      (item) => dispatches.push(item),
      () =>
        this.run(() => {
          step((name) => segments.push({ name, start: dispatches.length }));
        }),
    );
    flush();
    return new Recording(dispatches, segments);
  }

  /** Runs a step in the same arena without noting it: the plain way, for comparison and for one-off work. */
  run(step: () => void): void {
    gpu().buffers.inArena(this.arena, () => tf.tidy(() => step()));
  }

  /** Runs `work` in the same arena; what it returns is the caller's, and must be disposed before the arena is. */
  within<T>(work: () => T): T {
    return gpu().buffers.inArena(this.arena, work);
  }

  /** Gives the arena's buffers back. Recordings made here must not be replayed afterwards; new ones can be made. */
  dispose(): void {
    flush();
    gpu().buffers.destroyArena(this.arena);
  }
}

/** What the dispatches compute; multiply-adds count two. */
export function flopsOf(dispatches: readonly Dispatch[]): number {
  return dispatches.reduce((sum, { flops }) => sum + flops, 0);
}
