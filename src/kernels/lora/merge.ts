/** Several LoRAs on one layer as one: ranks side by side, scales folded into `up`. Once, before sampling. */
import * as tf from '@tensorflow/tfjs';
import type { TensorInfo } from '@tensorflow/tfjs';
import { ShapeError } from '../pointwise/elementwise';
import { allocate, dispatch, groups1d, LINEAR_GROUP, program } from '../program';
import type { Lora } from './lora';

/**
 * LoRAs of one layer, down [ri, in] and up [out, ri], as { down [sum ri, in], up [out, sum ri], scale 1 } in new
 * tensors that the caller disposes. Dropout is left out: this is for sampling. Throws `ShapeError` on an empty list
 * or where layers differ.
 */
export function mergeLoras(loras: readonly Lora[]): Lora {
  if (loras.length === 0)
    throw new ShapeError('mergeLoras: the list of LoRAs is empty; call it with at least one.');
  const [, inn]: readonly number[] = loras[0].down.shape;
  const [out]: readonly number[] = loras[0].up.shape;
  const rank = loras.reduce((sum, { down }) => sum + down.shape[0], 0);
  const down = allocate([rank, inn]);
  const up = allocate([out, rank]);
  let at = 0;
  for (const lora of loras) {
    const r = lora.down.shape[0];
    if (lora.down.shape[1] !== inn || lora.up.shape[0] !== out || lora.up.shape[1] !== r) {
      throw new ShapeError(
        `mergeLoras: down [${lora.down.shape}] and up [${lora.up.shape}] do not fit a layer [${out}, ${inn}]: merge LoRAs of one layer only.`,
      );
    }
    place(lora.down, down, { rows: r, columns: inn, row: at, column: 0, width: inn, scale: 1 });
    place(lora.up, up, { rows: out, columns: r, row: 0, column: at, width: rank, scale: lora.scale });
    at += r;
  }
  const tensor = (info: TensorInfo) => tf.engine().makeTensorFromTensorInfo(info);
  return { down: tensor(down), up: tensor(up), scale: 1 };
}

interface Placement {
  rows: number;
  columns: number;
  row: number;
  column: number;
  width: number;
  scale: number;
}

/** into[row + i, column + j] = scale * part[i, j]. */
function place(
  part: TensorInfo,
  into: TensorInfo,
  { rows, columns, row, column, width, scale }: Placement,
): void {
  dispatch(
    program('lora-place', () => ({
      inputs: { part: 'f32' },
      outputs: { whole: 'f32' },
      params: { count: 'u32', columns: 'u32', row: 'u32', column: 'u32', width: 'u32', scale: 'f32' },
      wgsl: `${LINEAR_GROUP}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
  let i = linearGroup(wid, nwg) * 64u + lid;
  if (i >= p.count) { return; }
  whole[(p.row + i / p.columns) * p.width + p.column + i % p.columns] = p.scale * part[i];
}`,
    })),
    [part, into],
    { count: rows * columns, columns, row, column, width, scale },
    groups1d(Math.ceil((rows * columns) / 64)),
  );
}
